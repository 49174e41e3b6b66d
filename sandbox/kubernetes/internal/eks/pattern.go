package eks

// matches tells whether a text fits a pattern in which `*` stands for any text and `?` for any one character, as in
// https://docs.aws.amazon.com/eks/latest/userguide/fargate-profile.html
func matches(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '*':
		return matches(pattern[1:], text) || text != "" && matches(pattern, text[1:])
	case '?':
		return text != "" && matches(pattern[1:], text[1:])
	default:
		return text != "" && text[0] == pattern[0] && matches(pattern[1:], text[1:])
	}
}
