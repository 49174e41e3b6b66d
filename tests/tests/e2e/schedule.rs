//! Platforms are deployed again when their schedules say so, in their own time zones, and not in a freeze.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan};
use ledger::{Platform, RunStatus, Trigger};

use crate::support::{User, World, scenario, until};

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn tick(world: &World) {
    let answer = world.lambda.invoke().function_name("landfall-fleet").payload("{}".as_bytes().into()).send();
    let answer = answer.await.unwrap();
    let told = String::from_utf8(answer.payload.unwrap().into_inner()).unwrap();
    assert_eq!(answer.function_error, None, "{told}");
}

/// The platform once the fleet has noted when it is due.
async fn noted(user: &User) -> Platform {
    until("a due time", async || user.platform().await.filter(|platform| platform.next_due.is_some())).await
}

#[test]
fn three_platforms_in_two_time_zones_and_a_freeze() {
    scenario(async |world| {
        let network = "network: {availabilityZones: 2, nat: Disable}";
        let now = Timestamp::now();
        let today = now.in_tz("Europe/Berlin").unwrap().date();
        let freeze = format!("{{from: {}, to: {}}}", today - 1.day(), today + 2.days());
        let (tokyo, berlin, frozen) = (world.user("tokyo"), world.user("berlin"), world.user("frozen"));
        let tokyo_spec = format!("updates: {{schedule: \"30 9 * * *\", timeZone: Asia/Tokyo}}\n{network}");
        let berlin_spec = format!("updates: {{schedule: \"0 10 * * *\", timeZone: Europe/Berlin}}\n{network}");
        let frozen_spec =
            format!("updates: {{schedule: \"0 10 * * *\", timeZone: Europe/Berlin, freeze: [{freeze}]}}\n{network}");
        tokio::join!(tokyo.deploy(&tokyo_spec), berlin.deploy(&berlin_spec), frozen.deploy(&frozen_spec));
        tick(world).await;

        let in_tokyo = noted(&tokyo).await.next_due.unwrap();
        assert_eq!(in_tokyo.in_tz("UTC").unwrap().time(), Time::constant(0, 30, 0, 0));
        let after_freeze = noted(&frozen).await.next_due.unwrap().in_tz("Europe/Berlin").unwrap();
        assert_eq!(after_freeze.datetime(), (today + 3.days()).at(10, 0, 0, 0));
        let in_berlin = noted(&berlin).await.next_due.unwrap();
        let ten = in_berlin.in_tz("Europe/Berlin").unwrap();
        assert_eq!(ten.time(), Time::constant(10, 0, 0, 0));
        assert!(now < in_berlin && in_berlin <= now + DAY, "{in_berlin}");

        // Yesterday's times were missed: they are caught up once, and those in the freeze are not.
        for (user, due) in [(&tokyo, in_tokyo), (&berlin, in_berlin)] {
            assert!(world.ledger.set_due(&user.name, Some(due), Some(due - DAY)).await.unwrap());
        }
        let in_freeze = today.at(10, 0, 0, 0).in_tz("Europe/Berlin").unwrap() - 1.day();
        assert!(
            world
                .ledger
                .set_due(&frozen.name, Some(after_freeze.timestamp()), Some(in_freeze.timestamp()))
                .await
                .unwrap()
        );
        tick(world).await;
        let scheduled = async |user: &User| -> Vec<RunStatus> {
            let runs = user.runs().await;
            runs.iter().filter(|run| run.trigger == Trigger::Schedule).map(|run| run.status).collect()
        };
        for user in [&tokyo, &berlin] {
            until(&format!("the redeploy of {}", user.name), async || {
                scheduled(user).await.contains(&RunStatus::Succeeded).then_some(())
            })
            .await;
        }
        tick(world).await;
        for (user, due) in [(&tokyo, in_tokyo), (&berlin, in_berlin)] {
            assert_eq!(scheduled(user).await, [RunStatus::Succeeded]);
            assert_eq!(noted(user).await.next_due, Some(due));
        }
        assert_eq!(scheduled(&frozen).await, []);
        assert_eq!(noted(&frozen).await.next_due, Some(after_freeze.timestamp()));
    });
}
