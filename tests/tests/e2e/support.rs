//! The sandboxes of the scenarios, and what an onlooker sees in one.

mod person;
mod user;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_sfn::types::ExecutionStatus;
use jiff::Timestamp;
use ledger::Ledger;
use sandbox::privileges::{Observed, Scenario};
use sandbox::{Call, Options, Sandbox};
use serde_json::{Value, json};
use tests::Folder;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

pub(crate) use person::Person;
pub(crate) use user::User;

use crate::less::Permission;

/// A minute of AWS is a second here.
pub(crate) const SCALE: f64 = 1.0 / 60.0;

/// For how long anything may take before a scenario fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// All scenarios run on one runtime, because the connections of a client live on the one that opened them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static SHARED: OnceCell<World> = OnceCell::const_new();
static QUIET: OnceCell<World> = OnceCell::const_new();
static TURN: Mutex<()> = Mutex::new(());

/// The sandbox with clients for what a user and an onlooker need.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sfn: aws_sdk_sfn::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) dynamo: aws_sdk_dynamodb::Client,
    pub(crate) ledger: Ledger,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) eks: aws_sdk_eks::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    alerts: String,
    heard: Mutex<Vec<String>>,
    ended: tokio::sync::Mutex<Vec<Scenario>>,
    _folder: Folder,
}

/// Runs a scenario in the shared sandbox.
pub(crate) fn scenario<F: Future<Output = ()>>(scenario: impl FnOnce(&'static World) -> F) {
    run("shared", &SHARED, scenario);
}

/// Runs a scenario with nothing else in its sandbox: its calls can be counted, and AWS be made to fail.
pub(crate) fn alone<F: Future<Output = ()>>(scenario: impl FnOnce(&'static World) -> F) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    run("quiet", &QUIET, scenario);
}

/// Runs a scenario in a sandbox of its own that may be spoiled: what is needed and denied in it counts for nothing.
pub(crate) fn apart<F: Future<Output = ()>>(scenario: impl FnOnce(&'static World) -> F) {
    static APART: OnceCell<World> = OnceCell::const_new();
    RUNTIME.block_on(async { scenario(APART.get_or_init(World::up).await).await });
}

fn run<F: Future<Output = ()>>(
    name: &str,
    world: &'static OnceCell<World>,
    scenario: impl FnOnce(&'static World) -> F,
) {
    let world = RUNTIME.block_on(world.get_or_init(World::up));
    let less = Permission::to_take_away();
    if let Some(permission) = less.clone() {
        RUNTIME.spawn(permission.await_denial(world));
    }
    let begun = Timestamp::now();
    let end = catch_unwind(AssertUnwindSafe(|| RUNTIME.block_on(scenario(world))));
    if let Err(panic) = end {
        world.sandbox.clear_rules();
        RUNTIME.block_on(world.explain(begun));
        resume_unwind(panic);
    }
    if less.is_none() {
        RUNTIME.block_on(world.note(name, begun));
    }
}

impl World {
    async fn up() -> Self {
        let folder = Folder::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandboxes")).unwrap();
        // The functions are members of the workspace: whoever built this test has built them beside it.
        let programs = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let sandbox =
            Sandbox::up(&Options { dir: folder.path.clone(), scale: SCALE, functions: Some(programs) }).await.unwrap();
        let config = sandbox.config();
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(true).build();
        let dynamo = aws_sdk_dynamodb::Client::new(config);
        let sqs = aws_sdk_sqs::Client::new(config);
        let alerts = listen(&sqs, config, sandbox.variable("LANDFALL_ALERT_TOPIC")).await;
        let iam = aws_sdk_iam::Client::new(config);
        if let Some(permission) = Permission::to_take_away() {
            permission.take_away(&iam).await;
        }
        Self {
            ec2: aws_sdk_ec2::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            sfn: aws_sdk_sfn::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            iam,
            eks: aws_sdk_eks::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            ledger: Ledger::dynamo(dynamo.clone(), sandbox.variable("LANDFALL_TABLE")),
            dynamo,
            sqs,
            alerts,
            heard: Mutex::default(),
            ended: tokio::sync::Mutex::default(),
            sandbox,
            _folder: folder,
        }
    }

    /// The user of one platform.
    pub(crate) fn user(&'static self, platform: &str) -> User {
        User { world: self, name: platform.parse().unwrap() }
    }

    /// Makes a role that no platform owns.
    pub(crate) async fn role(&self, name: &str) {
        self.role_at("/", name).await;
    }

    /// Makes the role that IAM Identity Center makes for a permission set
    /// (<https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>).
    pub(crate) async fn permission_set(&self, name: &str) {
        let role = format!("AWSReservedSSO_{name}_0123456789abcdef");
        self.role_at("/aws-reserved/sso.amazonaws.com/", &role).await;
    }

    async fn role_at(&self, path: &str, name: &str) {
        let nobody = json!({"Version": "2012-10-17", "Statement": []}).to_string();
        let made = self.iam.create_role().path(path).role_name(name).assume_role_policy_document(nobody).send().await;
        let there = made
            .as_ref()
            .is_err_and(|error| error.as_service_error().is_some_and(|e| e.is_entity_already_exists_exception()));
        assert!(made.is_ok() || there, "{made:?}");
    }

    /// A user of IAM with the permissions that the documents name.
    pub(crate) async fn person(&'static self, name: &str) -> Person {
        Person::new(self, name).await
    }

    /// The account.
    pub(crate) fn account(&self) -> &str {
        self.sandbox.variable("LANDFALL_DEPLOY_MACHINE").split(':').nth(4).unwrap_or_default()
    }

    /// Starts a machine by hand and gives the execution's ARN.
    pub(crate) async fn start(&self, machine: &str, input: Value) -> String {
        let machine = self.sandbox.variable(machine);
        let started = self.sfn.start_execution().state_machine_arn(machine).input(input.to_string()).send().await;
        started.unwrap().execution_arn
    }

    /// Types a command that must do what it is asked: what it prints.
    pub(crate) async fn landfall(&self, arguments: &[&str]) -> String {
        let (done, out, told) = self.types(arguments).await;
        assert!(done, "landfall {arguments:?}: {told}");
        out
    }

    /// Types a command that must not: what it says about that.
    pub(crate) async fn landfall_fails(&self, arguments: &[&str]) -> String {
        let (done, out, told) = self.types(arguments).await;
        assert!(!done, "landfall {arguments:?}: {out}");
        told
    }

    async fn types(&self, arguments: &[&str]) -> (bool, String, String) {
        // The command lies beside the functions.
        let programs = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let mut command = tokio::process::Command::new(programs.join("landfall"));
        let output = command.args(arguments).envs(self.sandbox.environment()).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    /// Waits for the end of an execution: its status, error and cause.
    pub(crate) async fn ended(&self, execution: &str) -> (ExecutionStatus, String, String) {
        until(&format!("the end of {execution}"), async || {
            let told = self.sfn.describe_execution().execution_arn(execution).send().await.unwrap();
            let ended = *told.status() != ExecutionStatus::Running;
            ended.then(|| {
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                (told.status().clone(), text(told.error()), text(told.cause()))
            })
        })
        .await
    }

    /// Waits for an alert that mentions all of `words`, and gives its text.
    pub(crate) async fn alert(&self, words: &[&str]) -> String {
        until(&format!("an alert with {words:?}"), async || {
            self.listen().await;
            let heard = self.heard.lock().unwrap();
            heard.iter().find(|text| words.iter().all(|word| text.contains(word))).cloned()
        })
        .await
    }

    /// How many alerts so far mention all of `words`.
    pub(crate) async fn alerts(&self, words: &[&str]) -> usize {
        self.listen().await;
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|text| words.iter().all(|word| text.contains(word))).count()
    }

    /// The name of the ledger's table.
    pub(crate) fn table(&self) -> &str {
        self.sandbox.variable("LANDFALL_TABLE")
    }

    /// The number of the newest call.
    pub(crate) fn last_call(&self) -> u64 {
        self.sandbox.calls().last().map_or(0, |call| call.number)
    }

    /// The calls after that number by which the function network changed something, as `service:action`.
    pub(crate) fn changes_since(&self, number: u64) -> Vec<String> {
        let of_network = |call: &Call| call.mutating && ["ec2", "iam", "logs"].contains(&call.service.as_str());
        let own_log = ["CreateLogStream", "PutLogEvents"];
        let calls = self.sandbox.calls_since(number).into_iter().filter(of_network);
        let calls = calls.filter(|call| call.caller.contains("etwork") && !own_log.contains(&call.action.as_str()));
        calls.map(|call| format!("{}:{}", call.service, call.action)).collect()
    }

    /// Waits for the newest deploy that was started with `about` and came to nothing: its error and cause.
    pub(crate) async fn refusal(&self, about: &str) -> (String, String) {
        until(&format!("a refusal of {about}"), async || {
            let machine = self.sandbox.variable("LANDFALL_DEPLOY_MACHINE");
            let listed = self.sfn.list_executions().state_machine_arn(machine).status_filter(ExecutionStatus::Failed);
            for one in listed.send().await.unwrap().executions() {
                let told = self.sfn.describe_execution().execution_arn(&one.execution_arn).send().await.unwrap();
                if told.input().unwrap_or_default().contains(about) {
                    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                    return Some((text(told.error()), text(told.cause())));
                }
            }
            None
        })
        .await
    }

    /// Writes down what the scenarios so far needed of the functions' policies, for `cargo xtask test` to compare: only
    /// after the last scenario can anybody say that a permission was not needed, and no test knows that it is the last.
    async fn note(&self, world: &str, begun: Timestamp) {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let mut ended = self.ended.lock().await;
        ended.push(Scenario { name, begun, ended: Timestamp::now() });
        let privileges = self.sandbox.privileges().await.unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("privileges");
        std::fs::create_dir_all(&folder).unwrap();
        let observed = serde_json::to_vec(&Observed { scenarios: ended.clone(), privileges }).unwrap();
        std::fs::write(folder.join(format!("{world}.json")), observed).unwrap();
    }

    /// What may tell why a scenario failed: executions that failed since, and warnings of the functions.
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    async fn explain(&self, since: Timestamp) {
        let machines = ["DEPLOY", "TEARDOWN"].map(|name| self.sandbox.variable(&format!("LANDFALL_{name}_MACHINE")));
        for machine in machines {
            let listed = self.sfn.list_executions().state_machine_arn(machine).status_filter(ExecutionStatus::Failed);
            for one in listed.send().await.map(|listed| listed.executions).unwrap_or_default() {
                let told = self.sfn.describe_execution().execution_arn(&one.execution_arn).send().await.unwrap();
                if told.start_date.secs() >= since.as_second() {
                    eprintln!("{}\n  {:?}: {:?}\n  {:?}", one.name, told.error(), told.cause(), told.input());
                }
            }
        }
        for function in ["admit", "network", "cluster", "gate", "teardown", "settle", "fleet", "alert"] {
            let group = format!("/aws/lambda/landfall-{function}");
            let events = self.logs.filter_log_events().log_group_name(group).start_time(since.as_millisecond());
            for event in events.send().await.map(|told| told.events.unwrap_or_default()).unwrap_or_default() {
                let line = event.message().unwrap_or_default().trim_end();
                if line.contains("WARN") || line.contains("ERROR") || line.contains("panicked") {
                    eprintln!("{function}: {line}");
                }
            }
        }
    }

    async fn listen(&self) {
        let got = self.sqs.receive_message().queue_url(&self.alerts).max_number_of_messages(10).send().await.unwrap();
        for message in got.messages() {
            let body: Value = serde_json::from_str(message.body().unwrap_or_default()).unwrap_or_default();
            let text = format!(
                "{}\n{}",
                body["Subject"].as_str().unwrap_or_default(),
                body["Message"].as_str().unwrap_or_default()
            );
            self.heard.lock().unwrap().push(text);
            let handle = message.receipt_handle().unwrap_or_default();
            self.sqs.delete_message().queue_url(&self.alerts).receipt_handle(handle).send().await.unwrap();
        }
    }
}

/// Subscribes a queue to the topic. Only a queue whose policy lets SNS send gets anything
/// (<https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html>).
async fn listen(sqs: &aws_sdk_sqs::Client, config: &aws_config::SdkConfig, topic: &str) -> String {
    let url = sqs.create_queue().queue_name("alerts-heard").send().await.unwrap().queue_url.unwrap();
    let attributes =
        sqs.get_queue_attributes().queue_url(&url).attribute_names("QueueArn".into()).send().await.unwrap();
    let arn = attributes.attributes().unwrap()[&"QueueArn".into()].clone();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }]});
    let set = sqs.set_queue_attributes().queue_url(&url).attributes("Policy".into(), policy.to_string());
    set.send().await.unwrap();
    aws_sdk_sns::Client::new(config).subscribe().topic_arn(topic).protocol("sqs").endpoint(arn).send().await.unwrap();
    url
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("waited {PATIENCE:?} in vain for {what}");
}
