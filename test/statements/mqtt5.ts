// SPDX-License-Identifier: Apache-2.0
/**
 * Every statement of MQTT 5.0 that a client answers for, and what proves that ours does.
 * `statements.test.ts` says what a row must have. The texts are paraphrases.
 */
import type { Statement } from "./statement.js";

const STREAM = "test/host/promises/stream.ts";
const WEBSOCKET_OPENING = "test/host/promises/websocket-opening.ts";
const WEBSOCKET = "test/host/promises/websocket.ts";
const CLIENT = "test/unit/mqtt/client.test.ts";
const CONNECT = "test/unit/mqtt/connect.test.ts";
const MESSAGES = "test/unit/mqtt/messages.test.ts";
const QOS2_SEND = "test/unit/mqtt/qos2-send.test.ts";
const SESSION = "test/unit/mqtt/session.test.ts";
const TOPIC = "test/unit/mqtt/topic.test.ts";
const AUTH5 = "test/unit/mqtt/v5-auth.test.ts";
const CLIENT5 = "test/unit/mqtt/v5-client.test.ts";
const CONNECT5 = "test/unit/mqtt/v5-connect.test.ts";
const INPUT5 = "test/unit/mqtt/v5-input.test.ts";
const MESSAGES5 = "test/unit/mqtt/v5-messages.test.ts";
const SUBSCRIBE5 = "test/unit/mqtt/v5-subscribe.test.ts";

export const mqtt5: readonly Statement[] = [
	{ id: "MQTT-1.5.4-1", text: "well-formed UTF-8, no surrogates", tests: [
		`${CONNECT5} › options that no CONNECT of MQTT 5 can carry are refused when the session is made › an id with half a surrogate pair [MQTT-1.5.4-1]`,
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › PUBLISH to a surrogate [MQTT-1.5.4-1]`,
	] },
	{ id: "MQTT-1.5.4-2", text: "no U+0000 in strings", tests: [
		`${CONNECT5} › options that no CONNECT of MQTT 5 can carry are refused when the session is made › an id with U+0000 [MQTT-1.5.4-2]`,
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › PUBLISH to U+0000 [MQTT-1.5.4-2]`,
	] },
	{ id: "MQTT-1.5.4-3", text: "EF BB BF kept as U+FEFF", tests: [
		`${CONNECT5} › U+FEFF is text like any other, both ways [MQTT-1.5.4-3]`,
		`${INPUT5} › every property that a message may have is handed over [MQTT-3.3.2-16] [MQTT-3.3.2-18]`,
	] },
	{ id: "MQTT-1.5.5-1", text: "variable byte integers in the fewest bytes", tests: [
		`${MESSAGES5} › properties of more than 127 bytes have a length of two digits, in the fewest bytes [MQTT-1.5.5-1]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a length that is not minimal [MQTT-1.5.5-1]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a property length that is not minimal`,
	] },
	{ id: "MQTT-1.5.7-1", text: "both halves of a string pair are valid strings", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent › a pair whose name has half a surrogate pair [MQTT-1.5.7-1]`,
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent › a pair whose value has U+0000`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a pair whose name is no text [MQTT-1.5.7-1]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a pair whose value is no text`,
	] },
	{ id: "MQTT-2.1.3-1", text: "reserved flag bits as listed; others are malformed", tests: [
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › PUBACK with flags [MQTT-2.1.3-1]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › PINGRESP with flags`,
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
	] },
	{ id: "MQTT-2.2.1-2", text: "no packet id at QoS 0", tests: [
		`${MESSAGES5} › a message without properties says so with a length of 0 [MQTT-2.2.2-1], at QoS 0 without identifier [MQTT-2.2.1-2] and DUP [MQTT-3.3.1-2]`,
	] },
	{ id: "MQTT-2.2.1-3", text: "new SUBSCRIBE, UNSUBSCRIBE, PUBLISH QoS>0: non-zero unused id", tests: [
		`${MESSAGES5} › identifiers of messages are not 0, and none is given twice at a time [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1]`,
		`${QOS2_SEND} › an identifier is in use until PUBCOMP, and not given to another message [MQTT-2.3.1-2] [MQTT-2.3.1-3]`,
		`${SUBSCRIBE5} › SUBSCRIBE has flags 0010, its options with reserved bits 0 [MQTT-3.8.1-1] [MQTT-3.8.3-5], and filters in UTF-8 [MQTT-3.8.3-1]`,
		`${MESSAGES} › an identifier under way for a subscription is not given to a message [MQTT-2.3.1-2]`,
	] },
	{ id: "MQTT-2.2.1-5", text: "acks repeat the PUBLISH id", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-2.2.1-6", text: "SUBACK, UNSUBACK with a foreign id are not ours", tests: [
		`${INPUT5} › an answer with an identifier that is not ours changes nothing [MQTT-2.2.1-6]`,
	] },
	{ id: "MQTT-2.2.2-1", text: "property length 0 written when there are none", tests: [
		`${MESSAGES5} › a message without properties says so with a length of 0 [MQTT-2.2.2-1], at QoS 0 without identifier [MQTT-2.2.1-2] and DUP [MQTT-3.3.1-2]`,
		`${SUBSCRIBE5} › SUBSCRIBE has flags 0010, its options with reserved bits 0 [MQTT-3.8.1-1] [MQTT-3.8.3-5], and filters in UTF-8 [MQTT-3.8.3-1]`,
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a will`,
	] },
	{ id: "MQTT-3.1.0-1", text: "CONNECT first", tests: [
		`${CONNECT5} › CONNECT is the first packet and the only one before CONNACK [MQTT-3.1.0-1] [MQTT-3.1.0-2]`,
	] },
	{ id: "MQTT-3.1.0-2", text: "no second CONNECT", tests: [
		`${CONNECT5} › CONNECT is the first packet and the only one before CONNACK [MQTT-3.1.0-1] [MQTT-3.1.0-2]`,
	] },
	{ id: "MQTT-3.1.2-1", text: "protocol name MQTT", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]`,
	] },
	{ id: "MQTT-3.1.2-2", text: "version byte 5", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]`,
	] },
	{ id: "MQTT-3.1.2-3", text: "reserved flag 0", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]`,
	] },
	{ id: "MQTT-3.1.2-4", text: "Clean Start 1 drops the old session on the client too", tests: [
		`${CONNECT5} › a session that the server lost is lost here, too: messages at QoS 2 under way, both ways [MQTT-3.2.2-5] [MQTT-3.1.2-4]`,
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a clean start`,
	] },
	{ id: "MQTT-3.1.2-9", text: "will flag: will properties, topic, payload present", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a will with properties`,
	] },
	{ id: "MQTT-3.1.2-11", text: "no will: will QoS 0", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › nothing but an id`,
	] },
	{ id: "MQTT-3.1.2-12", text: "will QoS 0..2", tests: [
		`${CONNECT5} › options that no CONNECT of MQTT 5 can carry are refused when the session is made › a will at QoS 3 [MQTT-3.1.2-12]`,
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a retained will at QoS 2`,
	] },
	{ id: "MQTT-3.1.2-13", text: "no will: will retain 0", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › nothing but an id`,
	] },
	{ id: "MQTT-3.1.2-16", text: "no user name without flag", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a password alone`,
	] },
	{ id: "MQTT-3.1.2-17", text: "user name with flag", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a user`,
	] },
	{ id: "MQTT-3.1.2-18", text: "no password without flag", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a user`,
	] },
	{ id: "MQTT-3.1.2-19", text: "password with flag (alone is allowed in 5.0)", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a password alone`,
	] },
	{ id: "MQTT-3.1.2-20", text: "PINGREQ in time", tests: [
		`${CONNECT5} › without a word from the server our own keep alive holds, and a ping without answer ends the link [MQTT-3.1.2-20]`,
	] },
	{ id: "MQTT-3.1.2-21", text: "Server Keep Alive replaces the client's value", tests: [
		`${CONNECT5} › the server's keep alive replaces ours [MQTT-3.1.2-21] [MQTT-3.2.2-21]`,
	] },
	{ id: "MQTT-3.1.2-23", text: "session state kept while Session Expiry Interval > 0", tests: [
		`${CONNECT5} › what was not acknowledged is sent again to a server that has the session, and as new to one that has not [MQTT-3.1.2-23] [MQTT-3.2.2-5]`,
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a session that lasts for a minute`,
	] },
	{ id: "MQTT-3.1.2-24", text: "packet larger than our Maximum Packet Size: DISCONNECT 0x95", tests: [
		`${INPUT5} › a packet larger than we said we take is refused with 0x95 [MQTT-3.1.2-24]`,
	] },
	{ id: "MQTT-3.1.2-26", text: "incoming Topic Alias above our maximum: DISCONNECT 0x94", tests: [
		`${INPUT5} › a topic alias above our maximum is refused with 0x94, up to it they are taken [MQTT-3.1.2-26] [MQTT-3.3.2-10] [MQTT-3.3.2-11]`,
	] },
	{ id: "MQTT-3.1.2-27", text: "incoming alias when we allowed none: DISCONNECT 0x94", tests: [
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a topic alias, where none is allowed [MQTT-3.1.2-27]`,
	] },
	{ id: "MQTT-3.1.2-28", text: "Response Information not asked for: not relied upon", tests: [
		`${CONNECT5} › a server that says why with every packet is understood: reason strings and user properties`,
	] },
	{ id: "MQTT-3.1.2-29", text: "asked for no problem information: reason string in e.g. PUBACK is a protocol error 0x82", tests: [
		`${CONNECT5} › a reason string that we asked not to have is a protocol error [MQTT-3.1.2-29]`,
	] },
	{ id: "MQTT-3.1.2-30", text: "with an Authentication Method nothing but AUTH or DISCONNECT before CONNACK", tests: [
		`${AUTH5} › AUTH is answered by AUTH 0x18 with the same method [MQTT-4.12.0-3] [MQTT-4.12.0-5], and by nothing else before CONNACK [MQTT-3.1.2-30]`,
	] },
	{ id: "MQTT-3.1.3-1", text: "payload order incl. will properties", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › everything`,
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a will with properties`,
	] },
	{ id: "MQTT-3.1.3-2", text: "session belongs to the client id", tests: [
		`${CONNECT5} › the server's keep alive is for its connection: the next CONNECT asks for ours again`,
		`${CONNECT5} › what was not acknowledged is sent again to a server that has the session, and as new to one that has not [MQTT-3.1.2-23] [MQTT-3.2.2-5]`,
	] },
	{ id: "MQTT-3.1.3-3", text: "client id present, first", tests: [
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]`,
	] },
	{ id: "MQTT-3.1.3-4", text: "client id UTF-8", tests: [
		`${CONNECT5} › options that no CONNECT of MQTT 5 can carry are refused when the session is made › an id with half a surrogate pair [MQTT-1.5.4-1]`,
		`${CONNECT5} › U+FEFF is text like any other, both ways [MQTT-1.5.4-3]`,
	] },
	{ id: "MQTT-3.1.3-7", text: "Assigned Client Identifier is taken over and used for resuming", tests: [
		`${CONNECT5} › the identifier that the server assigned is ours from then on [MQTT-3.1.3-7]`,
	] },
	{ id: "MQTT-3.1.3-11", text: "will topic UTF-8", tests: [
		`${CONNECT5} › options that no CONNECT of MQTT 5 can carry are refused when the session is made › a will to a topic with U+0000`,
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a will to a topic of several bytes a character`,
	] },
	{ id: "MQTT-3.1.3-12", text: "user name UTF-8", tests: [
		`${CONNECT5} › options that no CONNECT of MQTT 5 can carry are refused when the session is made › a user name with U+0000`,
		`${CONNECT5} › CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a user of several bytes a character`,
	] },
	{ id: "MQTT-3.1.4-3", text: "DISCONNECT 0x8E (taken over): no immediate reconnect fight", tests: [
		`${CLIENT5} › Client leaves the session to the client that took it over: no attempt before a long while [MQTT-3.1.4-3]`,
	] },
	{ id: "MQTT-3.1.4-6", text: "nothing but AUTH counts before CONNACK", tests: [
		`${CONNECT5} › every first packet but CONNACK is an error [MQTT-3.2.0-1], and what comes before it changes nothing [MQTT-3.1.4-6]`,
		`${AUTH5} › what a server must not say while it authenticates ends the link › a message`,
	] },
	{ id: "MQTT-3.2.0-1", text: "first packet other than CONNACK or AUTH is an error", tests: [
		`${CONNECT5} › every first packet but CONNACK is an error [MQTT-3.2.0-1], and what comes before it changes nothing [MQTT-3.1.4-6]`,
	] },
	{ id: "MQTT-3.2.0-2", text: "a second CONNACK is an error", tests: [
		`${CONNECT5} › a second CONNACK is a protocol error [MQTT-3.2.0-2]`,
	] },
	{ id: "MQTT-3.2.2-1", text: "CONNACK flag bits 7..1 must be 0", tests: [
		`${CONNECT5} › a CONNACK that no server may send ends the link › reserved flags [MQTT-3.2.2-1]`,
	] },
	{ id: "MQTT-3.2.2-2", text: "session present after Clean Start 1 is an error", tests: [
		`${CONNECT5} › a session present after a clean start is an error [MQTT-3.2.2-2], and so is one that we do not know [MQTT-3.2.2-4]`,
	] },
	{ id: "MQTT-3.2.2-4", text: "no state here but session present 1: close", tests: [
		`${CONNECT5} › a session present after a clean start is an error [MQTT-3.2.2-2], and so is one that we do not know [MQTT-3.2.2-4]`,
	] },
	{ id: "MQTT-3.2.2-5", text: "state here but session present 0: drop the state", tests: [
		`${CONNECT5} › a session that the server lost is lost here, too: messages at QoS 2 under way, both ways [MQTT-3.2.2-5] [MQTT-3.1.2-4]`,
		`${CONNECT5} › what was not acknowledged is sent again to a server that has the session, and as new to one that has not [MQTT-3.1.2-23] [MQTT-3.2.2-5]`,
	] },
	{ id: "MQTT-3.2.2-7", text: "reason >= 0x80: connection ends", tests: [
		`${CONNECT5} › a server that refuses ends the link, with its reason [MQTT-3.2.2-7] [MQTT-4.13.2-1]`,
	] },
	{ id: "MQTT-3.2.2-8", text: "unknown CONNACK reason is an error", tests: [
		`${CONNECT5} › a CONNACK that no server may send ends the link › a reason that is not on the list [MQTT-3.2.2-8]`,
		`${CONNECT5} › a server that refuses ends the link, with its reason [MQTT-3.2.2-7] [MQTT-4.13.2-1]`,
	] },
	{ id: "MQTT-3.2.2-11", text: "never publish above Maximum QoS", tests: [
		`${MESSAGES5} › what the server said it would not take is not sent › QoS 2, of which the server has 1 [MQTT-3.2.2-11]`,
	] },
	{ id: "MQTT-3.2.2-14", text: "no RETAIN when Retain Available is 0", tests: [
		`${MESSAGES5} › what the server said it would not take is not sent › RETAIN, which the server does not have [MQTT-3.2.2-14]`,
	] },
	{ id: "MQTT-3.2.2-15", text: "no packet above the server's Maximum Packet Size", tests: [
		`${MESSAGES5} › what the server said it would not take is not sent › over the server's maximum [MQTT-3.2.2-15]`,
		`${MESSAGES5} › no alias makes a message larger than the server takes [MQTT-3.2.2-15]`,
	] },
	{ id: "MQTT-3.2.2-16", text: "zero-length id needs an Assigned Client Identifier back", tests: [
		`${CONNECT5} › a server that assigns no identifier to a client without one breaks the protocol [MQTT-3.2.2-16]`,
	] },
	{ id: "MQTT-3.2.2-17", text: "no Topic Alias above the server's maximum", tests: [
		`${MESSAGES5} › topics become aliases as far as both allow, first said with their number, then by it alone [MQTT-3.2.2-17] [MQTT-3.3.2-9]`,
		`${MESSAGES5} › aliases are not above the server's maximum, and none where it grants none [MQTT-3.2.2-18]`,
	] },
	{ id: "MQTT-3.2.2-18", text: "no Topic Alias when the maximum is absent", tests: [
		`${MESSAGES5} › aliases are not above the server's maximum, and none where it grants none [MQTT-3.2.2-18]`,
	] },
	{ id: "MQTT-3.2.2-21", text: "Server Keep Alive used", tests: [
		`${CONNECT5} › the server's keep alive replaces ours [MQTT-3.1.2-21] [MQTT-3.2.2-21]`,
	] },
	{ id: "MQTT-3.3.1-1", text: "DUP on redelivery", tests: [
		`${CONNECT5} › what was not acknowledged is sent again to a server that has the session, and as new to one that has not [MQTT-3.1.2-23] [MQTT-3.2.2-5]`,
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
	] },
	{ id: "MQTT-3.3.1-2", text: "DUP 0 at QoS 0", tests: [
		`${MESSAGES5} › a message without properties says so with a length of 0 [MQTT-2.2.2-1], at QoS 0 without identifier [MQTT-2.2.1-2] and DUP [MQTT-3.3.1-2]`,
		`${CONNECT} › a message at QoS 0 is gone with the connection, half sent or not sent at all`,
	] },
	{ id: "MQTT-3.3.1-3", text: "DUP only says retransmission", tests: [
		`${MESSAGES5} › a message at QoS 1 waits for its PUBACK, and its DUP is for a repetition alone [MQTT-4.3.2-2] [MQTT-3.3.1-3]`,
	] },
	{ id: "MQTT-3.3.1-4", text: "QoS 3 never sent; received: 0x81", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › PUBLISH at QoS 3 [MQTT-3.3.1-4]`,
	] },
	{ id: "MQTT-3.3.2-1", text: "topic first, UTF-8", tests: [
		`${MESSAGES5} › a message without properties says so with a length of 0 [MQTT-2.2.2-1], at QoS 0 without identifier [MQTT-2.2.1-2] and DUP [MQTT-3.3.1-2]`,
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
	] },
	{ id: "MQTT-3.3.2-2", text: "no wildcards in the topic", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
	] },
	{ id: "MQTT-3.3.2-7", text: "alias tables are emptied on a new connection, both directions", tests: [
		`${INPUT5} › aliases end with their connection [MQTT-3.3.2-7]`,
		`${MESSAGES5} › our aliases end with the connection: what is sent again says its topic again [MQTT-3.3.2-7]`,
	] },
	{ id: "MQTT-3.3.2-8", text: "alias 0 never sent; received: error", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent › a topic alias, which is the session's to give [MQTT-3.3.2-8]`,
		`${MESSAGES5} › topics become aliases as far as both allow, first said with their number, then by it alone [MQTT-3.2.2-17] [MQTT-3.3.2-9]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a topic alias of 0 [MQTT-3.3.2-8]`,
	] },
	{ id: "MQTT-3.3.2-9", text: "alias not above the CONNACK maximum", tests: [
		`${MESSAGES5} › aliases are not above the server's maximum, and none where it grants none [MQTT-3.2.2-18]`,
	] },
	{ id: "MQTT-3.3.2-10", text: "accepts aliases 1..own maximum", tests: [
		`${INPUT5} › a topic alias above our maximum is refused with 0x94, up to it they are taken [MQTT-3.1.2-26] [MQTT-3.3.2-10] [MQTT-3.3.2-11]`,
	] },
	{ id: "MQTT-3.3.2-11", text: "alias above own maximum received: 0x94", tests: [
		`${INPUT5} › a topic alias above our maximum is refused with 0x94, up to it they are taken [MQTT-3.1.2-26] [MQTT-3.3.2-10] [MQTT-3.3.2-11]`,
	] },
	{ id: "MQTT-3.3.2-13", text: "Response Topic UTF-8", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent › a response topic with half a surrogate pair [MQTT-3.3.2-13]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a response topic that is no text [MQTT-3.3.2-13]`,
	] },
	{ id: "MQTT-3.3.2-14", text: "Response Topic without wildcards", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent › a response topic with # [MQTT-3.3.2-14]`,
		`${CONNECT5} › options that no CONNECT of MQTT 5 can carry are refused when the session is made › a will whose answer goes to a filter [MQTT-3.3.2-14]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a response topic with # [MQTT-3.3.2-14]`,
	] },
	{ id: "MQTT-3.3.2-16", text: "Correlation Data handed over unchanged", tests: [
		`${INPUT5} › every property that a message may have is handed over [MQTT-3.3.2-16] [MQTT-3.3.2-18]`,
	] },
	{ id: "MQTT-3.3.2-18", text: "User Property order kept", tests: [
		`${INPUT5} › every property that a message may have is handed over [MQTT-3.3.2-16] [MQTT-3.3.2-18]`,
		`${MESSAGES5} › every property of a message goes out, user properties in their order [MQTT-3.3.2-18]`,
	] },
	{ id: "MQTT-3.3.2-19", text: "Content Type UTF-8", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent › a content type with half a surrogate pair [MQTT-3.3.2-19]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › a content type that is no text [MQTT-3.3.2-19]`,
	] },
	{ id: "MQTT-3.3.4-1", text: "ack follows QoS", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-3.3.4-6", text: "never a Subscription Identifier in an outgoing PUBLISH", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent › a subscription identifier [MQTT-3.3.4-6]`,
	] },
	{ id: "MQTT-3.3.4-7", text: "at most Receive Maximum unacknowledged PUBLISH", tests: [
		`${MESSAGES5} › the server's receive maximum bounds what is under way, and nothing else [MQTT-3.3.4-7] [MQTT-3.3.4-8] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]`,
		`${MESSAGES5} › each connection has the whole quota, and that of its own server`,
	] },
	{ id: "MQTT-3.3.4-8", text: "other packets are not held back by that limit", tests: [
		`${MESSAGES5} › the server's receive maximum bounds what is under way, and nothing else [MQTT-3.3.4-7] [MQTT-3.3.4-8] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]`,
	] },
	{ id: "MQTT-3.3.4-9", text: "server exceeds our Receive Maximum: DISCONNECT 0x93", tests: [
		`${INPUT5} › more messages under way than we said we take is refused with 0x93 [MQTT-3.3.4-9]`,
	] },
	{ id: "MQTT-3.4.2-1", text: "PUBACK reason from the list", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-3.5.2-1", text: "PUBREC reason from the list", tests: [
		`${MESSAGES5} › PUBREL is answered with PUBCOMP: 0x92 for what we do not know [MQTT-3.7.2-1] [MQTT-4.3.3-11]`,
	] },
	{ id: "MQTT-3.6.1-1", text: "PUBREL flags 0010", tests: [
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › PUBREL without its flag [MQTT-3.6.1-1]`,
	] },
	{ id: "MQTT-3.6.2-1", text: "PUBREL reason 0x00 or 0x92", tests: [
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
		`${MESSAGES5} › PUBREC for what we do not know is answered with PUBREL 0x92 [MQTT-3.6.2-1]`,
	] },
	{ id: "MQTT-3.7.2-1", text: "PUBCOMP reason 0x00 or 0x92", tests: [
		`${MESSAGES5} › PUBREL is answered with PUBCOMP: 0x92 for what we do not know [MQTT-3.7.2-1] [MQTT-4.3.3-11]`,
	] },
	{ id: "MQTT-3.x.2-2/3", text: "acks: reason string and user properties dropped when over the peer's maximum size", reason: "our acknowledgements never have a reason string or user properties: they are two or three bytes behind the header" },
	{ id: "MQTT-3.8.1-1", text: "SUBSCRIBE flags 0010", tests: [
		`${SUBSCRIBE5} › SUBSCRIBE has flags 0010, its options with reserved bits 0 [MQTT-3.8.1-1] [MQTT-3.8.3-5], and filters in UTF-8 [MQTT-3.8.3-1]`,
	] },
	{ id: "MQTT-3.8.3-1", text: "filters UTF-8", tests: [
		`${SUBSCRIBE5} › SUBSCRIBE has flags 0010, its options with reserved bits 0 [MQTT-3.8.1-1] [MQTT-3.8.3-5], and filters in UTF-8 [MQTT-3.8.3-1]`,
		`${SUBSCRIBE5} › options that no server may be asked for are refused at once`,
	] },
	{ id: "MQTT-3.8.3-2", text: "at least one filter", tests: [
		`${SUBSCRIBE5} › options that no server may be asked for are refused at once`,
	] },
	{ id: "MQTT-3.8.3-4", text: "No Local not on a shared subscription", tests: [
		`${SUBSCRIBE5} › options that no server may be asked for are refused at once`,
	] },
	{ id: "MQTT-3.8.3-5", text: "reserved option bits 0", tests: [
		`${SUBSCRIBE5} › SUBSCRIBE has flags 0010, its options with reserved bits 0 [MQTT-3.8.1-1] [MQTT-3.8.3-5], and filters in UTF-8 [MQTT-3.8.3-1]`,
	] },
	{ id: "MQTT-3.8.4-6", text: "as many SUBACK codes as filters, else protocol error", tests: [
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › SUBACK with one code for two filters [MQTT-3.8.4-6]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › SUBACK with three codes for two filters`,
		`${SUBSCRIBE5} › codes of SUBACK are for the filters in their order, each reported [MQTT-3.9.3-1] [MQTT-3.8.4-6]`,
	] },
	{ id: "MQTT-3.9.3-1", text: "codes matched by order", tests: [
		`${SUBSCRIBE5} › codes of SUBACK are for the filters in their order, each reported [MQTT-3.9.3-1] [MQTT-3.8.4-6]`,
	] },
	{ id: "MQTT-3.10.1-1", text: "UNSUBSCRIBE flags 0010", tests: [
		`${SUBSCRIBE5} › UNSUBSCRIBE has flags 0010 and its filters; the codes of UNSUBACK are for them in their order [MQTT-3.10.1-1] [MQTT-3.11.3-1]`,
	] },
	{ id: "MQTT-3.10.3-1", text: "filters UTF-8", tests: [
		`${SUBSCRIBE5} › UNSUBSCRIBE has flags 0010 and its filters; the codes of UNSUBACK are for them in their order [MQTT-3.10.1-1] [MQTT-3.11.3-1]`,
		`${SUBSCRIBE5} › a shared filter has a name without wildcards, and a filter behind it [MQTT-4.8.2-1] [MQTT-4.8.2-2]`,
	] },
	{ id: "MQTT-3.10.3-2", text: "at least one filter", tests: [
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
		`${SUBSCRIBE5} › UNSUBSCRIBE has flags 0010 and its filters; the codes of UNSUBACK are for them in their order [MQTT-3.10.1-1] [MQTT-3.11.3-1]`,
	] },
	{ id: "MQTT-3.11.3-1", text: "UNSUBACK codes matched by order", tests: [
		`${SUBSCRIBE5} › UNSUBSCRIBE has flags 0010 and its filters; the codes of UNSUBACK are for them in their order [MQTT-3.10.1-1] [MQTT-3.11.3-1]`,
	] },
	{ id: "MQTT-3.14.1-1", text: "DISCONNECT with bad flags: 0x81", tests: [
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › DISCONNECT with flags [MQTT-3.14.1-1]`,
	] },
	{ id: "MQTT-3.14.2-1", text: "DISCONNECT reason from the list", tests: [
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact`,
		`${INPUT5} › a packet larger than we said we take is refused with 0x95 [MQTT-3.1.2-24]`,
		`${INPUT5} › more messages under way than we said we take is refused with 0x93 [MQTT-3.3.4-9]`,
	] },
	{ id: "MQTT-3.14.2-2", text: "Session Expiry in a server DISCONNECT is an error", tests: [
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › DISCONNECT with a session expiry [MQTT-3.14.2-2]`,
	] },
	{ id: "MQTT-3.14.4-1", text: "nothing after DISCONNECT", tests: [
		`${CLIENT5} › Client says nothing after DISCONNECT, and closes the stream [MQTT-3.14.4-1] [MQTT-3.14.4-2]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact`,
	] },
	{ id: "MQTT-3.14.4-2", text: "closes after DISCONNECT", tests: [
		`${CLIENT5} › Client says nothing after DISCONNECT, and closes the stream [MQTT-3.14.4-1] [MQTT-3.14.4-2]`,
	] },
	{ id: "MQTT-3.15.1-1", text: "AUTH flags 0000", tests: [
		`${AUTH5} › AUTH is answered by AUTH 0x18 with the same method [MQTT-4.12.0-3] [MQTT-4.12.0-5], and by nothing else before CONNACK [MQTT-3.1.2-30]`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › AUTH with flags [MQTT-3.15.1-1]`,
	] },
	{ id: "MQTT-3.15.2-1", text: "AUTH reason from the list", tests: [
		`${AUTH5} › AUTH is answered by AUTH 0x18 with the same method [MQTT-4.12.0-3] [MQTT-4.12.0-5], and by nothing else before CONNACK [MQTT-3.1.2-30]`,
		`${AUTH5} › authentication anew is AUTH 0x19 with the method [MQTT-4.12.1-1], while messages go on`,
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact › AUTH with reason 0x80`,
	] },
	{ id: "MQTT-4.1.0-1", text: "state not dropped while connected", tests: [
		`${MESSAGES5} › a message at QoS 1 waits for its PUBACK, and its DUP is for a repetition alone [MQTT-4.3.2-2] [MQTT-3.3.1-3]`,
		`${MESSAGES5} › a message at QoS 2 comes again and is answered, not delivered, until its PUBREL [MQTT-4.3.3-10] [MQTT-4.3.3-12]`,
	] },
	{ id: "MQTT-4.2.0-1", text: "ordered lossless transport", tests: [
		`${CLIENT} › Client resolves, connects and says CONNECT, each from a callback of its own`,
		`${STREAM} › a long message arrives whole and in order`,
	] },
	{ id: "MQTT-4.3.1-1", text: "QoS 0 with DUP 0", tests: [
		`${MESSAGES5} › a message without properties says so with a length of 0 [MQTT-2.2.2-1], at QoS 0 without identifier [MQTT-2.2.1-2] and DUP [MQTT-3.3.1-2]`,
	] },
	{ id: "MQTT-4.3.2-1", text: "QoS 1: fresh id", tests: [
		`${MESSAGES5} › identifiers of messages are not 0, and none is given twice at a time [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1]`,
		`${QOS2_SEND} › an identifier is in use until PUBCOMP, and not given to another message [MQTT-2.3.1-2] [MQTT-2.3.1-3]`,
	] },
	{ id: "MQTT-4.3.2-2", text: "QoS 1: first send DUP 0", tests: [
		`${MESSAGES5} › a message at QoS 1 waits for its PUBACK, and its DUP is for a repetition alone [MQTT-4.3.2-2] [MQTT-3.3.1-3]`,
	] },
	{ id: "MQTT-4.3.2-3", text: "QoS 1: open until PUBACK", tests: [
		`${MESSAGES5} › a message at QoS 1 waits for its PUBACK, and its DUP is for a repetition alone [MQTT-4.3.2-2] [MQTT-3.3.1-3]`,
		`${CONNECT5} › what was not acknowledged is sent again to a server that has the session, and as new to one that has not [MQTT-3.1.2-23] [MQTT-3.2.2-5]`,
	] },
	{ id: "MQTT-4.3.2-4", text: "QoS 1 receiver: PUBACK", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-4.3.2-5", text: "QoS 1 receiver: same id after PUBACK is new", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-4.3.3-1", text: "QoS 2: fresh id", tests: [
		`${MESSAGES5} › identifiers of messages are not 0, and none is given twice at a time [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1]`,
		`${QOS2_SEND} › an identifier is in use until PUBCOMP, and not given to another message [MQTT-2.3.1-2] [MQTT-2.3.1-3]`,
	] },
	{ id: "MQTT-4.3.3-2", text: "QoS 2: first send DUP 0", tests: [
		`${MESSAGES5} › a message without properties says so with a length of 0 [MQTT-2.2.2-1], at QoS 0 without identifier [MQTT-2.2.1-2] and DUP [MQTT-3.3.1-2]`,
	] },
	{ id: "MQTT-4.3.3-3", text: "QoS 2: open until PUBREC", tests: [
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
	] },
	{ id: "MQTT-4.3.3-4", text: "QoS 2: PUBREL after PUBREC below 0x80", tests: [
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
		`${MESSAGES5} › a message that the server refused is never sent again [MQTT-4.4.0-2], and the next goes on [MQTT-4.3.3-4]`,
	] },
	{ id: "MQTT-4.3.3-5", text: "QoS 2: PUBREL open until PUBCOMP", tests: [
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
	] },
	{ id: "MQTT-4.3.3-6", text: "QoS 2: no PUBLISH again after PUBREL", tests: [
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
	] },
	{ id: "MQTT-4.3.3-7", text: "QoS 2: no expiry once sent", tests: [
		`${MESSAGES5} › a message at QoS 2 that went out is not given up because it expired [MQTT-4.3.3-7]`,
	] },
	{ id: "MQTT-4.3.3-8", text: "QoS 2 receiver: PUBREC", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-4.3.3-9", text: "QoS 2 receiver: after PUBREC >= 0x80 the id is new", reason: "a PUBREC of ours never has a reason of 0x80 or above: what is not taken ends the connection instead" },
	{ id: "MQTT-4.3.3-10", text: "QoS 2 receiver: PUBREC every copy, deliver once", tests: [
		`${MESSAGES5} › a message at QoS 2 comes again and is answered, not delivered, until its PUBREL [MQTT-4.3.3-10] [MQTT-4.3.3-12]`,
	] },
	{ id: "MQTT-4.3.3-11", text: "QoS 2 receiver: PUBCOMP each PUBREL", tests: [
		`${MESSAGES5} › PUBREL is answered with PUBCOMP: 0x92 for what we do not know [MQTT-3.7.2-1] [MQTT-4.3.3-11]`,
	] },
	{ id: "MQTT-4.3.3-12", text: "QoS 2 receiver: after PUBCOMP the id is new", tests: [
		`${MESSAGES5} › a message at QoS 2 comes again and is answered, not delivered, until its PUBREL [MQTT-4.3.3-10] [MQTT-4.3.3-12]`,
	] },
	{ id: "MQTT-4.3.3-13", text: "QoS 2 receiver: handshake continues after expiry", tests: [
		`${MESSAGES5} › the handshake of a message that expired in our hands goes on [MQTT-4.3.3-13]`,
	] },
	{ id: "MQTT-4.4.0-1", text: "resend only on reconnect with a session, never at other times", tests: [
		`${MESSAGES5} › a message at QoS 1 waits for its PUBACK, and its DUP is for a repetition alone [MQTT-4.3.2-2] [MQTT-3.3.1-3]`,
		`${CONNECT5} › what was not acknowledged is sent again to a server that has the session, and as new to one that has not [MQTT-3.1.2-23] [MQTT-3.2.2-5]`,
		`${MESSAGES5} › QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]`,
	] },
	{ id: "MQTT-4.4.0-2", text: "reason >= 0x80 in PUBACK/PUBREC: never resent", tests: [
		`${MESSAGES5} › a message that the server refused is never sent again [MQTT-4.4.0-2], and the next goes on [MQTT-4.3.3-4]`,
	] },
	{ id: "MQTT-4.5.0-2", text: "every PUBLISH acknowledged", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-4.6.0-1", text: "resend order", tests: [
		`${MESSAGES5} › PUBRELs are in the order of the PUBRECs [MQTT-4.6.0-4], and what is sent again in the order of the first time [MQTT-4.6.0-1]`,
	] },
	{ id: "MQTT-4.6.0-2", text: "PUBACK order", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-4.6.0-3", text: "PUBREC order", tests: [
		`${MESSAGES5} › messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]`,
	] },
	{ id: "MQTT-4.6.0-4", text: "PUBREL order", tests: [
		`${MESSAGES5} › PUBRELs are in the order of the PUBRECs [MQTT-4.6.0-4], and what is sent again in the order of the first time [MQTT-4.6.0-1]`,
	] },
	{ id: "MQTT-4.7.0-1", text: "wildcards only in filters", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
		`${CONNECT5} › options that no CONNECT of MQTT 5 can carry are refused when the session is made › a will to a filter`,
	] },
	{ id: "MQTT-4.7.1-1", text: "# last and alone", tests: [
		`${SUBSCRIBE5} › options that no server may be asked for are refused at once`,
		`${TOPIC} › isFilter takes # alone at the end and + alone in its level [MQTT-4.7.1-2] [MQTT-4.7.1-3]`,
	] },
	{ id: "MQTT-4.7.1-2", text: "+ whole level", tests: [
		`${SUBSCRIBE5} › options that no server may be asked for are refused at once`,
		`${TOPIC} › isFilter takes # alone at the end and + alone in its level [MQTT-4.7.1-2] [MQTT-4.7.1-3]`,
	] },
	{ id: "MQTT-4.7.2-1", text: "wildcard-first filters do not match $ topics in local dispatch", tests: [
		`${TOPIC} › matches follows the specification's examples [MQTT-4.7.2-1]`,
		`${SUBSCRIBE5} › a shared filter matches what the filter behind its name matches`,
	] },
	{ id: "MQTT-4.7.3-1", text: "at least one character", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
		`${SUBSCRIBE5} › options that no server may be asked for are refused at once`,
	] },
	{ id: "MQTT-4.7.3-2", text: "no U+0000", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
		`${SUBSCRIBE5} › options that no server may be asked for are refused at once`,
	] },
	{ id: "MQTT-4.7.3-3", text: "at most 65535 bytes", tests: [
		`${MESSAGES5} › properties that no message may have are refused at once, and nothing is sent`,
		`${SUBSCRIBE5} › options that no server may be asked for are refused at once`,
	] },
	{ id: "MQTT-4.7.3-4", text: "no normalisation in local dispatch", tests: [
		`${TOPIC} › matches follows the specification's examples [MQTT-4.7.2-1]`,
	] },
	{ id: "MQTT-4.8.2-1", text: "$share/ needs a name", tests: [
		`${SUBSCRIBE5} › a shared filter has a name without wildcards, and a filter behind it [MQTT-4.8.2-1] [MQTT-4.8.2-2]`,
	] },
	{ id: "MQTT-4.8.2-2", text: "share name without / + #, followed by / and a filter", tests: [
		`${SUBSCRIBE5} › a shared filter has a name without wildcards, and a filter behind it [MQTT-4.8.2-1] [MQTT-4.8.2-2]`,
	] },
	{ id: "MQTT-4.9.0-1", text: "send quota starts at Receive Maximum", tests: [
		`${MESSAGES5} › the server's receive maximum bounds what is under way, and nothing else [MQTT-3.3.4-7] [MQTT-3.3.4-8] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]`,
		`${MESSAGES5} › each connection has the whole quota, and that of its own server`,
	] },
	{ id: "MQTT-4.9.0-2", text: "quota 0: no PUBLISH QoS>0", tests: [
		`${MESSAGES5} › the server's receive maximum bounds what is under way, and nothing else [MQTT-3.3.4-7] [MQTT-3.3.4-8] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]`,
	] },
	{ id: "MQTT-4.9.0-3", text: "quota 0: everything else goes on", tests: [
		`${MESSAGES5} › the server's receive maximum bounds what is under way, and nothing else [MQTT-3.3.4-7] [MQTT-3.3.4-8] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]`,
	] },
	{ id: "MQTT-4.12.0-3", text: "answer to AUTH 0x18 is AUTH 0x18", tests: [
		`${AUTH5} › AUTH is answered by AUTH 0x18 with the same method [MQTT-4.12.0-3] [MQTT-4.12.0-5], and by nothing else before CONNACK [MQTT-3.1.2-30]`,
	] },
	{ id: "MQTT-4.12.0-5", text: "same Authentication Method in every AUTH", tests: [
		`${AUTH5} › AUTH is answered by AUTH 0x18 with the same method [MQTT-4.12.0-3] [MQTT-4.12.0-5], and by nothing else before CONNACK [MQTT-3.1.2-30]`,
		`${AUTH5} › what a server must not say while it authenticates ends the link › another method [MQTT-4.12.0-5]`,
		`${AUTH5} › AUTH on an open link with another method, or without one, is a protocol error [MQTT-4.12.0-5]`,
	] },
	{ id: "MQTT-4.12.0-6", text: "AUTH from the server without a method asked: error", tests: [
		`${AUTH5} › without a method there is no AUTH from us [MQTT-4.12.0-7], and none is taken [MQTT-4.12.0-6]`,
	] },
	{ id: "MQTT-4.12.0-7", text: "no AUTH sent without a method in CONNECT", tests: [
		`${AUTH5} › without a method there is no AUTH from us [MQTT-4.12.0-7], and none is taken [MQTT-4.12.0-6]`,
	] },
	{ id: "MQTT-4.12.1-1", text: "re-authentication AUTH 0x19 keeps the method", tests: [
		`${AUTH5} › authentication anew is AUTH 0x19 with the method [MQTT-4.12.1-1], while messages go on`,
	] },
	{ id: "MQTT-4.12.1-2", text: "failed re-authentication: close", tests: [
		`${AUTH5} › authentication anew that fails ends the link [MQTT-4.12.1-2], whoever says so`,
	] },
	{ id: "MQTT-4.13.1-1", text: "malformed packet or protocol error: DISCONNECT with its reason, then close", tests: [
		`${INPUT5} › bad input: DISCONNECT with its reason, one event, the session intact`,
		`${CLIENT5} › Client tells a server what it did wrong, and closes the stream [MQTT-4.13.1-1]`,
	] },
	{ id: "MQTT-4.13.2-1", text: "reason >= 0x80 always ends the connection", tests: [
		`${CONNECT5} › DISCONNECT of the server ends the link with its reason, and is not answered [MQTT-4.13.2-1]`,
		`${CONNECT5} › a server that refuses ends the link, with its reason [MQTT-3.2.2-7] [MQTT-4.13.2-1]`,
	] },
	{ id: "MQTT-6.0.0-1", text: "WebSocket binary frames only", tests: [
		`${WEBSOCKET} › each write is one binary message in one masked frame`,
		`${WEBSOCKET} › \${what} is one onError with violation, after what came before it › a text message`,
	] },
	{ id: "MQTT-6.0.0-2", text: "no alignment assumed", tests: [
		`${WEBSOCKET} › fragments of a message and several messages are one stream of bytes, with pings answered between them`,
		`${WEBSOCKET} › what a server sends byte by byte is the same`,
	] },
	{ id: "MQTT-6.0.0-3", text: "offers mqtt", tests: [
		`${WEBSOCKET_OPENING} › the request is that of RFC 6455: path, host with its port, a key of 16 bytes, version 13, the subprotocol, no extension`,
	] },
	{ id: "MQTT-6.0.0-4", text: "server must select mqtt", tests: [
		`${WEBSOCKET_OPENING} › an answer \${what} is one onError with \${code}, and no connection › without the subprotocol`,
		`${WEBSOCKET_OPENING} › an answer \${what} is one onError with \${code}, and no connection › with another subprotocol`,
	] },
];
