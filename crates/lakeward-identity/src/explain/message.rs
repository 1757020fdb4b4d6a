//! The explanation of a denial as a text that only this instance can read.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use lakeward_wire::{AwsError, iso};
use serde_json::{Value, json};

use crate::{Call, Identity, audit::Judgement};

const PURPOSE: &str = "authorization-message";
/// Every message has this many bytes before it is encrypted. Their length would otherwise tell a
/// hidden thing, whose policies leave traces in the reasons, from a missing one.
const SIZE: usize = 2 << 10;
/// A message of [`SIZE`] bytes can't be unpacked to more than this many.
const MAX_UNPACKED: u64 = 256 << 10;
/// The longest encrypted message that is looked at, in bytes.
const MAX_ENCODED: usize = 8 << 10;
/// The longest text that survives in a shortened message, in characters.
const SHORT: usize = 200;

/// The last denial of a call, sealed; none when nothing was denied.
pub(crate) fn seal(call: &Call) -> Option<String> {
    let mut denied = call.judgements();
    denied.retain(|judgement| !judgement.is_allowed());
    let last = denied.pop()?;
    let shortenings: [fn(&mut Value); 4] =
        [|_| {}, without_others, without_near_misses, without_reasons];
    let mut message = message(call, &last, &denied);
    for shorten in shortenings {
        shorten(&mut message);
        if let Some(packed) = pack(&message) {
            return Some(call.identity().signing_key().encrypt(PURPOSE, &packed));
        }
    }
    None
}

/// What a sealed message says, in the shape of STS's `DecodeAuthorizationMessage` and with our own
/// reasons and remedies beside it.
///
/// # Errors
/// `InvalidAuthorizationMessageException`: it was not sealed here, or in another account.
pub(crate) fn open_message(
    identity: &Identity,
    account: &str,
    encoded: &str,
) -> Result<Value, AwsError> {
    let invalid = || {
        AwsError::new(
            400,
            "InvalidAuthorizationMessageException",
            "Message is not valid",
        )
    };
    if encoded.len() > MAX_ENCODED {
        return Err(invalid());
    }
    let packed = identity.signing_key().decrypt(PURPOSE, encoded);
    let message = packed
        .and_then(|packed| unpack(&packed))
        .ok_or_else(invalid)?;
    if message.get("account").and_then(Value::as_str) != Some(account) {
        return Err(invalid());
    }
    Ok(decoded(message))
}

fn message(call: &Call, last: &Judgement, others: &[Judgement]) -> Value {
    let others: Vec<Value> = others.iter().map(|one| one.to_json(call)).collect();
    json!({
        "account": call.account(),
        "requestId": call.request_id(),
        "time": iso(call.now()),
        "principal": {"id": call.caller().user_id(), "arn": call.caller_arn()},
        "denial": last.to_json(call),
        "others": others,
    })
}

fn without_others(message: &mut Value) {
    if let Some(members) = message.as_object_mut() {
        members.insert("shortened".into(), json!(true));
        members.remove("others");
    }
}

fn without_near_misses(message: &mut Value) {
    if let Some(Value::Array(reasons)) = message.pointer_mut("/denial/reason/reasons") {
        reasons.truncate(3);
    }
    if let Some(Value::Array(remedies)) = message.pointer_mut("/denial/remedies") {
        remedies.truncate(2);
        for remedy in remedies.iter_mut().filter_map(Value::as_object_mut) {
            remedy.remove("existing");
        }
    }
}

fn without_reasons(message: &mut Value) {
    let Some(denial) = message.get_mut("denial").and_then(Value::as_object_mut) else {
        return;
    };
    for member in ["context", "remedies"] {
        denial.remove(member);
    }
    for text in denial.values_mut() {
        match text {
            Value::String(text) => *text = text.chars().take(SHORT).collect(),
            Value::Object(reason) => {
                reason.remove("reasons");
            }
            _ => {}
        }
    }
}

/// A message in [`SIZE`] bytes, if it fits: its packed length, itself, padding.
fn pack(message: &Value) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(message.to_string().as_bytes()).ok()?;
    let packed = encoder.finish().ok()?;
    let length = u16::try_from(packed.len()).ok()?;
    let mut sized = length.to_be_bytes().to_vec();
    sized.extend(packed);
    if sized.len() > SIZE {
        return None;
    }
    sized.resize(SIZE, 0);
    Some(sized)
}

fn unpack(sized: &[u8]) -> Option<Value> {
    let (length, rest) = sized.split_first_chunk::<2>()?;
    let packed = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    let mut text = Vec::new();
    let mut decoder = DeflateDecoder::new(packed).take(MAX_UNPACKED);
    decoder.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn decoded(message: Value) -> Value {
    let at = |pointer: &str| message.pointer(pointer).cloned().unwrap_or_default();
    let name = at("/principal/arn");
    let name = name.as_str().and_then(|arn| arn.rsplit(['/', ':']).next());
    let conditions: Vec<Value> = at("/denial/context")
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, values)| json!({"key": key, "values": items(values)}))
        .collect();
    let reasons = at("/denial/reason/reasons");
    let denying = reasons.as_array().into_iter().flatten();
    let matched: Vec<Value> = denying
        .filter(|reason| {
            reason
                .get("outcome")
                .is_some_and(|outcome| outcome == "denies")
        })
        .map(statement)
        .collect();
    json!({
        "allowed": false,
        "explicitDeny": at("/denial/reason/effect") == "explicitDeny",
        "matchedStatements": {"items": matched},
        "failures": {"items": []},
        "context": {
            "principal": {"id": at("/principal/id"), "name": name, "arn": at("/principal/arn")},
            "action": at("/denial/action"),
            "resource": at("/denial/resource"),
            "conditions": {"items": conditions},
        },
        "lakeward": message,
    })
}

fn items(values: &Value) -> Value {
    let values = values.as_array().into_iter().flatten();
    let items: Vec<Value> = values.map(|value| json!({"value": value})).collect();
    json!({"items": items})
}

/// The parts of the statement that AWS's shape asks for and that a reason doesn't have are empty.
fn statement(reason: &Value) -> Value {
    let none = json!({"items": []});
    json!({
        "statementId": reason.get("sid").cloned().unwrap_or_default(),
        "effect": "DENY",
        "principals": none, "principalGroups": none,
        "actions": none, "resources": none, "conditions": none,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_messages_are_of_one_size() {
        let short = pack(&json!({"a": 1})).unwrap();
        let long = json!({"a": "x".repeat(50_000)});
        let packed = pack(&long).unwrap();
        assert_eq!((short.len(), packed.len()), (SIZE, SIZE));
        assert_eq!(unpack(&packed), Some(long));
    }

    #[test]
    fn what_does_not_fit_is_shortened_until_it_does() {
        let noise = |count: usize| -> Vec<String> {
            (0..count)
                .map(|_| uuid::Uuid::new_v4().to_string())
                .collect()
        };
        let mut message = json!({
            "account": "111122223333",
            "others": noise(200),
            "denial": {
                "action": "s3:GetObject",
                "resource": noise(30).concat(),
                "reason": {"effect": "implicitDeny", "reasons": noise(200)},
                "remedies": [{"advice": noise(30), "existing": noise(30)}],
                "context": {"k": noise(200)},
            },
        });
        for shorten in [without_others, without_near_misses] {
            shorten(&mut message);
            assert!(pack(&message).is_none());
        }
        without_reasons(&mut message);
        let read = unpack(&pack(&message).unwrap()).unwrap();
        assert_eq!(read["denial"]["action"], "s3:GetObject");
        assert_eq!(read["denial"]["reason"]["effect"], "implicitDeny");
        assert_eq!(read["shortened"], true);
    }

    #[test]
    fn damaged_messages_are_none() {
        for bytes in [&[][..], &[0], &[0, 9, 1], &[255, 255], &[0; 40]] {
            assert_eq!(unpack(bytes), None);
        }
    }
}
