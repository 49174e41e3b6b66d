//! The rules, each with the place where it is switched off.

use super::Mutant;

const BACK: &str = "shared/plan/src/cluster/back.rs";
const DECIDE: &str = "shared/engine/src/decide.rs";
const KIND: &str = "shared/domain/src/kind.rs";
const PERFORM: &str = "shared/engine/src/perform.rs";
const SELECT: &str = "shared/engine/src/select.rs";
const TAGS: &str = "shared/domain/src/tags.rs";
const RECORDS: &str = "shared/testkit/src/records.rs";
const VERSIONS: &str = "shared/plan/src/cluster/versions.rs";
const CONTROL_PLANE: &str = "shared/plan/src/cluster/control_plane.rs";
const ADDONS: &str = "shared/plan/src/cluster/addons.rs";
const NETWORK: &str = "shared/plan/src/network.rs";
const NODES: &str = "shared/plan/src/cluster/nodes.rs";
const CLUSTER: &str = "shared/plan/src/cluster.rs";
const SPECS: &str = "shared/plan/src/specs.rs";
const DIFF: &str = "shared/plan/src/diff.rs";
const FARGATE: &str = "functions/cluster/src/health/fargate.rs";

/// The rules.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        rule: "a claim stands in the ledger before the create",
        file: PERFORM,
        from: "        let claimed = self.write(stored, record).await?;\n        match self.limited(self.resource.create(&self.subject(Some(&claimed.record)))).await {\n",
        to: "        let answer = self.limited(self.resource.create(&self.subject(Some(&record)))).await;\n        let claimed = self.write(stored, record).await?;\n        match answer {\n",
    },
    Mutant {
        rule: "what has a fixed name goes before it is made anew",
        file: KIND,
        from: "        self == Self::ControlPlane\n",
        to: "        false\n",
    },
    Mutant {
        rule: "on the way back the control plane goes down last",
        file: BACK,
        from: "if stays && minor(runs) > minor(wanted) =>",
        to: "if stays && minor(runs) > minor(wanted) + 100 =>",
    },
    Mutant {
        rule: "only a control plane that works goes down after its nodes",
        file: BACK,
        from: "    let works = matches!(record.state, State::Ready | State::Updating(_));",
        to: "    let works = true;",
    },
    Mutant {
        rule: "a control plane that is replaced goes no way back",
        file: BACK,
        from: "Change::Replace(_));\n    match (record.outputs",
        to: "Change::None);\n    match (record.outputs",
    },
    Mutant {
        rule: "what nobody wants goes before the control plane that it stands on goes down",
        file: SELECT,
        from: "        let follows = desired.needs.iter().any(|need| need.until == Until::Earlier);",
        to: "        let follows = false;",
    },
    Mutant {
        rule: "a minor that EKS refuses is not planned",
        file: VERSIONS,
        from: "    if !facts.refusals.is_empty() && !is_forced {",
        to: "    if false {",
    },
    Mutant {
        rule: "an old epoch writes nothing",
        file: RECORDS,
        from: "    if fence.epoch != inside.epoch {",
        to: "    if false {",
    },
    Mutant {
        rule: "an old epoch changes nothing of which the ledger says all already",
        file: RECORDS,
        from: "        if fence.epoch == self.inside.lock().unwrap().epoch { Ok(()) } else { Err(LedgerError::Fenced) }",
        to: "        if true { Ok(()) } else { Err(LedgerError::Fenced) }",
    },
    Mutant {
        rule: "a write from an older reading is refused",
        file: RECORDS,
        from: "    if inside.records.get(edge).map(|stored| stored.version) != before {",
        to: "    if false {",
    },
    Mutant {
        rule: "an unknown outcome is not tried again before absence is confirmed",
        file: DECIDE,
        from: "            Observed::Absent if claim.at + at.settling > at.now => {\n                Decision::Wait(\"whether it was created is not known yet\".into())\n            }\n            Observed::Absent => Decision::Create,",
        to: "            Observed::Absent => Decision::Create,",
    },
    Mutant {
        rule: "an unknown outcome is not forgotten before absence is confirmed",
        file: DECIDE,
        from: "        (State::Creating(claim) | State::Unknown(claim), Observed::Absent) if claim.at + at.settling > at.now => {",
        to: "        (State::Creating(claim) | State::Unknown(claim), Observed::Absent) if claim.at > at.now => {",
    },
    Mutant {
        rule: "what was created and is not visible yet is not created again",
        file: DECIDE,
        from: "        Observed::Absent if record.updated + at.settling > at.now => {",
        to: "        Observed::Absent if record.updated > at.now => {",
    },
    Mutant {
        rule: "a lost answer leaves the claim standing",
        file: PERFORM,
        from: "            Err(CallError::Unknown(fault)) => self.answer_lost(&claimed, fault).await,",
        to: "            Err(CallError::Unknown(_)) => self.forget(&claimed).await,",
    },
    Mutant {
        rule: "an error of the service's own says nothing about the effect",
        file: PERFORM,
        from: "            Err(CallError::Fault(fault)) if fault.name == FaultName::ServiceUnavailable => {\n                self.answer_lost(&claimed, fault).await\n            }\n",
        to: "",
    },
    Mutant {
        rule: "each attempt has a token of its own",
        file: PERFORM,
        from: "        let claim = Claim { run: self.order.fence.run, token: Token::random(), at: (self.engine.clock)() };\n        let mut record = self.new_record(stored);",
        to: "        let token = format!(\"{:0>26}\", self.task.id.name().len());\n        let token = Token::parse(&token).unwrap_or_else(Token::random);\n        let claim = Claim { run: self.order.fence.run, token, at: (self.engine.clock)() };\n        let mut record = self.new_record(stored);",
    },
    Mutant {
        rule: "after a second attempt, all that carries our tags is looked for",
        file: PERFORM,
        from: "record.is_some_and(|record| record.attempts > 1)",
        to: "record.is_some_and(|record| record.attempts > 1000)",
    },
    Mutant {
        rule: "what is there twice is deleted once",
        file: PERFORM,
        from: "            subject.locator = Some(actual.locator);\n            match",
        to: "            subject.locator = Some(actual.locator);\n            continue;\n            #[expect(unreachable_code)]\n            match",
    },
    Mutant {
        rule: "what the ledger names is not the surplus",
        file: DECIDE,
        from: "let kept = named.filter(|named| all.iter().any(|actual| actual.locator == **named)).or(first);",
        to: "let kept = all.iter().map(|actual| &actual.locator).max().filter(|_| named.is_some()).or(first);",
    },
    Mutant {
        rule: "a later generation that is there already keeps its claim",
        file: PERFORM,
        from: "fault.class() == Class::Conflict && claimed.record.generation > Generation::FIRST",
        to: "fault.class() == Class::Conflict && claimed.record.generation < Generation::FIRST",
    },
    Mutant {
        rule: "a spec is compared with every reference resolved",
        file: DECIDE,
        from: "        Change::InPlace(changes) => merge(changes, drift(wanted, record, actual)),",
        to: "        Change::InPlace(_) => return Decision::Done,",
    },
    Mutant {
        rule: "what AWS cannot change is replaced",
        file: DECIDE,
        from: "        Change::Replace(changes) => return Decision::Replace(changes),",
        to: "        Change::Replace(_) => return Decision::Done,",
    },
    Mutant {
        rule: "a replacement stands before the old one goes",
        file: DECIDE,
        from: "        Change::Replace(changes) => return Decision::Replace(changes),",
        to: "        Change::Replace(_) => return Decision::Retire(actual.clone()),",
    },
    Mutant {
        rule: "a half-made thing is completed",
        file: DECIDE,
        from: "        Change::None => drift(wanted, record, actual),",
        to: "        Change::None => Vec::new(),",
    },
    Mutant {
        rule: "nothing is deleted while a live record needs it",
        file: SELECT,
        from: "            match records.iter().find(|other| other.record.needs.contains(&edge)) {",
        to: "            match records.iter().find(|other| other.record.needs.contains(&edge) && other.record.adopted) {",
    },
    Mutant {
        rule: "nothing is made before what it needs is ready",
        file: SELECT,
        from: "                Until::Ready => matches!(record.state, State::Ready | State::Updating(_)),",
        to: "                Until::Ready => record.locator.is_some(),",
    },
    Mutant {
        rule: "what existed before us is never deleted",
        file: DECIDE,
        from: "    if record.adopted || record.kind.is_given() {\n        return Decision::Forget;\n    }\n",
        to: "",
    },
    Mutant {
        rule: "adoption never steals",
        file: DECIDE,
        from: "        Observed::Many(all) => surplus(None, all),\n        Observed::Foreign(locator) => foreign(locator),",
        to: "        Observed::Many(all) => surplus(None, all),\n        Observed::Foreign(locator) => Decision::Confirm(Actual {\n            locator: locator.clone(),\n            properties: Value::Null,\n            outputs: domain::Outputs::new(),\n        }),",
    },
    Mutant {
        rule: "another life of the same name is not ours",
        file: TAGS,
        from: "            (Self::INCARNATION.to_owned(), self.incarnation.to_string()),\n",
        to: "",
    },
    Mutant {
        rule: "what AWS gave up on fails this phase",
        file: DECIDE,
        from: "        State::Failed(operation) if operation.epoch == at.epoch => {",
        to: "        State::Failed(operation) if operation.epoch > at.epoch => {",
    },
    Mutant {
        rule: "what AWS gave up on is deleted first by the next phase",
        file: DECIDE,
        from: "        State::Failed(_) | State::Deleting(_) | State::Retiring(_) => remove(record, seen, at),",
        to: "        State::Failed(_) | State::Deleting(_) | State::Retiring(_) => settled(wanted, record, seen, at),",
    },
    Mutant {
        rule: "what makes no progress ends as stuck",
        file: DECIDE,
        from: "    operation.since + at.patience < at.now",
        to: "    operation.since > at.now",
    },
    Mutant {
        rule: "no change begins that could outlive its function",
        file: PERFORM,
        from: "        self.order.deadline.saturating_duration_since(Instant::now()) < CALL_LIMIT",
        to: "        self.order.deadline < Instant::now()",
    },
    Mutant {
        rule: "not found counts as deleted",
        file: PERFORM,
        from: "            Ok(Progress::Done) | Err(CallError::NotFound) => self.forget(&deleting).await,",
        to: "            Ok(Progress::Done) => self.forget(&deleting).await,",
    },
    Mutant {
        rule: "what left a list is taken away though AWS shows only what is wanted of it",
        file: DECIDE,
        from: "        if !merged.iter().any(|other| other.field == change.field) {\n            merged.push(change);",
        to: "        if false {\n            merged.push(change);",
    },
    Mutant {
        rule: "a change that failed is not tried again in its phase",
        file: PERFORM,
        from: "                State::Updating(operation) if operation.epoch == self.order.fence.epoch => Some(operation.since),",
        to: "                State::Updating(operation) if operation.epoch > self.order.fence.epoch => Some(operation.since),",
    },
    Mutant {
        rule: "a cluster's minor goes up one at a time",
        file: VERSIONS,
        from: "    Step { version: format!(\"1.{}\", current + 1), next }",
        to: "    Step { version: format!(\"1.{wanted}\"), next }",
    },
    Mutant {
        rule: "a downgrade that EKS does not do is refused",
        file: VERSIONS,
        from: "            return if facts.roll_back.as_deref() == Some(wanted) {",
        to: "            return if facts.roll_back.as_deref() <= Some(wanted) {",
    },
    Mutant {
        rule: "nodes wait for their add-ons as the plan wants them",
        file: NODES,
        from: "until: Until::Current }));",
        to: "until: Until::Ready }));",
    },
    Mutant {
        rule: "nodes come after the add-ons without which they do not work",
        file: NODES,
        from: "    after.extend(daemons.iter().map(",
        to: "    after.extend(daemons.iter().take(0).map(",
    },
    Mutant {
        rule: "an add-on comes after our own access, and goes before it",
        file: ADDONS,
        from: "        needs.push(Need { resource: self.on.own_access.clone(), until: Until::Ready });\n",
        to: "",
    },
    Mutant {
        rule: "our own access entry comes first and goes last",
        file: CONTROL_PLANE,
        from: "        into.add_after(Goal::ControlPlane, id, spec, [on.own_access.clone()]);",
        to: "        into.add(Goal::ControlPlane, id, spec);",
    },
    Mutant {
        rule: "the log group stands before the control plane that writes to it",
        file: CONTROL_PLANE,
        from: "    let control_plane = into.add_after(Goal::ControlPlane, CONTROL_PLANE, spec, [log_group]);",
        to: "    let control_plane = into.add_after(Goal::ControlPlane, CONTROL_PLANE, spec, [log_group].into_iter().take(0));",
    },
    Mutant {
        rule: "the ways out stand as long as something runs",
        file: CLUSTER,
        from: "        self.egress.iter().chain([&on.own_access]).map(ready).collect()",
        to: "        self.egress.iter().take(0).chain([&on.own_access]).map(ready).collect()",
    },
    Mutant {
        rule: "what EKS cannot change asks for another control plane",
        file: SPECS,
        from: "            \"deletionProtection\",\n",
        to: "            \"deletionProtection\",\n            \"serviceIpv4Cidr\",\n            \"key\",\n            \"zones\",\n",
    },
    Mutant {
        rule: "the loss of a control plane must be approved",
        file: DIFF,
        from: " | Kind::KmsKey | Kind::ControlPlane)",
        to: " | Kind::KmsKey)",
    },
    Mutant {
        rule: "the API server lets the gate in",
        file: NETWORK,
        from: ".chain([Source::Group { group: gate.clone() }]);",
        to: ".chain([Source::Group { group: gate.clone() }].into_iter().take(0));",
    },
    Mutant {
        rule: "a new version of the gate's code is a change in place",
        file: SPECS,
        from: "            \"code\",\n",
        to: "",
    },
    Mutant {
        rule: "pods on Fargate are not left on the old minor",
        file: FARGATE,
        from: "            .filter(|(_, kubelet)| kubelet != minor)",
        to: "            .filter(|(_, kubelet)| kubelet != minor && false)",
    },
    Mutant {
        rule: "of the pods of one controller one is away at a time",
        file: FARGATE,
        from: "    if let Some(leaving) = leaving.first() {",
        to: "    if let Some(leaving) = leaving.first().filter(|_| false) {",
    },
    Mutant {
        rule: "a pod that nobody would make again is not evicted",
        file: FARGATE,
        from: "    owners.filter(|owner| owner.controller == Some(true)).map(|owner| owner.uid.as_str()).next()",
        to: "    owners.map(|owner| owner.uid.as_str()).next().or(pod.metadata.uid.as_deref())",
    },
    Mutant {
        rule: "what was changed is looked at once more",
        file: PERFORM,
        from: "                    record.confirmed = None;",
        to: "                    record.confirmed = Some(self.order.fence.epoch);",
    },
];
