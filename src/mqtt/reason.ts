// SPDX-License-Identifier: Apache-2.0
/** What reason codes say to people and to the reconnect policy, and the other way round. Spec: MQTT 5 §2.4. */
import { DeviceError } from "../base/error.js";
import { Reason } from "./constants.js";

/** Codes of a CONNACK of MQTT 3.1.1, by number. Spec: §3.2.2.3. */
const RETURN_CODES = Object.freeze([
	"", "unacceptable protocol version", "client identifier rejected", "server unavailable",
	"bad user name or password", "not authorised",
]);

/** From 0x80 on. */
const REASONS = Object.freeze([
	"unspecified error", "malformed packet", "protocol error", "implementation specific error",
	"unsupported protocol version", "client identifier not valid", "bad user name or password", "not authorised",
	"server unavailable", "server busy", "banned", "server shutting down", "bad authentication method",
	"keep alive timeout", "session taken over", "topic filter invalid", "topic name invalid",
	"packet identifier in use", "packet identifier not found", "receive maximum exceeded", "topic alias invalid",
	"packet too large", "message rate too high", "quota exceeded", "administrative action", "payload format invalid",
	"retain not supported", "QoS not supported", "use another server", "server moved",
	"shared subscriptions not supported",
	"connection rate exceeded", "maximum connect time", "subscription identifiers not supported",
	"wildcard subscriptions not supported",
]);

/** Of CONNACK and DISCONNECT from the server: an error with the code as its `detail`. */
export function refusal(reasonCode: number): DeviceError {
	if (reasonCode === Reason.SUCCESS) return new DeviceError("closed", "the server said goodbye");
	// A server that does not know MQTT 5 answers in the form of 3.1.1.
	const what = reasonCode < RETURN_CODES.length ? RETURN_CODES[reasonCode] : REASONS[reasonCode - Reason.FAILURE];
	const message = `refused by the server: ${what ?? `reason ${reasonCode}`}`;
	return new DeviceError("rejected", message, { detail: reasonCode });
}

/** A server that ends connections for a reason of its own, and will soon take them again. */
export function isTemporary({ detail }: DeviceError): boolean {
	return detail === Reason.SERVER_SHUTTING_DOWN || detail === Reason.KEEP_ALIVE_TIMEOUT
		|| detail === Reason.MAXIMUM_CONNECT_TIME;
}

/** What DISCONNECT says of a failure that the server caused; 0 when there is nothing to say. */
export function disconnectReason({ code, detail }: DeviceError): number {
	switch (code) {
		case "malformed": return Reason.MALFORMED;
		case "violation": return detail ?? Reason.PROTOCOL_ERROR;
		case "too-large": return Reason.PACKET_TOO_LARGE;
		default: return 0;
	}
}
