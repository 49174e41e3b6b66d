package cluster

import (
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes a configuration that holds all it needs, so that it may be copied elsewhere.
func writeKubeconfig(path, endpoint string, k keys, client string) error {
	authorityData, err := os.ReadFile(k.certificate(authority))
	if err != nil {
		return err
	}
	certificate, err := os.ReadFile(k.certificate(client))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(k.key(client))
	if err != nil {
		return err
	}
	config := api.NewConfig()
	config.Clusters["sandbox"] = &api.Cluster{Server: endpoint, CertificateAuthorityData: authorityData}
	config.AuthInfos[client] = &api.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	config.Contexts["sandbox"] = &api.Context{Cluster: "sandbox", AuthInfo: client}
	config.CurrentContext = "sandbox"
	return clientcmd.WriteToFile(*config, path)
}

// writeWebhook writes where the API server has tokens reviewed: a configuration in the form of a kubeconfig, see
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication
func writeWebhook(dir, address string) (string, error) {
	config := api.NewConfig()
	config.Clusters["authenticator"] = &api.Cluster{Server: address}
	config.Contexts["webhook"] = &api.Context{Cluster: "authenticator"}
	config.CurrentContext = "webhook"
	path := filepath.Join(dir, "webhook.kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}
