// SPDX-License-Identifier: Apache-2.0
/**
 * Every statement of MQTT 3.1.1 that a client answers for, and what proves that ours does.
 * `statements.test.ts` says what a row must have. The texts are paraphrases.
 */
import type { Statement } from "./statement.js";

const STREAM = "test/host/promises/stream.ts";
const WEBSOCKET_OPENING = "test/host/promises/websocket-opening.ts";
const WEBSOCKET = "test/host/promises/websocket.ts";
const SCENARIOS = "test/interop/scenarios.ts";
const READER = "test/unit/bytes/reader.test.ts";
const WRITER = "test/unit/bytes/writer.test.ts";
const BAD_INPUT = "test/unit/mqtt/bad-input.test.ts";
const CLIENT = "test/unit/mqtt/client.test.ts";
const CONNECT = "test/unit/mqtt/connect.test.ts";
const KEEP_ALIVE = "test/unit/mqtt/keepalive.test.ts";
const MESSAGES = "test/unit/mqtt/messages.test.ts";
const VECTORS = "test/unit/mqtt/packet-vectors.test.ts";
const PACKET = "test/unit/mqtt/packet.test.ts";
const QOS2_RECEIVE = "test/unit/mqtt/qos2-receive.test.ts";
const QOS2_SEND = "test/unit/mqtt/qos2-send.test.ts";
const RULES = "test/unit/mqtt/rules.test.ts";
const SESSION = "test/unit/mqtt/session.test.ts";
const TOPIC = "test/unit/mqtt/topic.test.ts";
const MESSAGES5 = "test/unit/mqtt/v5-messages.test.ts";

export const mqtt311: readonly Statement[] = [
	{ id: "MQTT-1.5.3-1", text: "strings it sends are well-formed UTF-8, no surrogates; ill-formed input closes the connection", tests: [
		`${WRITER} › Writer.utf8 refuses what a string must not hold`,
		`${SESSION} › Session refuses options that no CONNECT can carry, when it is made and not when it connects`,
		`${SESSION} › Session.publish refuses what is no topic`,
		`${BAD_INPUT} › bad input on an open link: one event, one code, link closed, session intact › PUBLISH to a topic with a high surrogate [MQTT-1.5.3-1]`,
	] },
	{ id: "MQTT-1.5.3-2", text: "no U+0000 in any string; input holding it closes the connection", tests: [
		`${SESSION} › Session refuses options that no CONNECT can carry, when it is made and not when it connects › an id with U+0000 [MQTT-1.5.3-2]`,
		`${SESSION} › Session.publish refuses what is no topic`,
		`${BAD_INPUT} › bad input on an open link: one event, one code, link closed, session intact › PUBLISH to a topic with U+0000 [MQTT-1.5.3-2]`,
	] },
	{ id: "MQTT-1.5.3-3", text: "EF BB BF inside a string stays U+FEFF, never stripped", tests: [
		`${READER} › Reader.utf8 reads text of every width, an empty one too, and keeps U+FEFF [MQTT-1.5.3-3]`,
		`${PACKET} › decodePacket keeps U+FEFF in a topic, and takes every character that a name may have`,
	] },
	{ id: "MQTT-2.2.2-1", text: "reserved header flag bits have their fixed values", tests: [
		`${VECTORS} › packets that a client sends are byte for byte those of the vectors`,
		`${QOS2_SEND} › a message at QoS 2 is PUBLISH, then PUBREL for its PUBREC, and done with PUBCOMP [MQTT-4.3.3-1] [MQTT-2.3.1-6]`,
	] },
	{ id: "MQTT-2.2.2-2", text: "wrong flag bits in an incoming packet close the connection", tests: [
		`${BAD_INPUT} › bad input on an open link: one event, one code, link closed, session intact › PUBACK with flags [MQTT-2.2.2-2]`,
		`${BAD_INPUT} › bad input on an open link: one event, one code, link closed, session intact › PINGRESP with flags`,
		`${BAD_INPUT} › bad input instead of CONNACK: one event, one code, link closed, session intact › CONNACK with flags in its header`,
	] },
	{ id: "MQTT-2.3.1-1", text: "SUBSCRIBE, UNSUBSCRIBE and PUBLISH QoS>0 carry a non-zero packet id", tests: [
		`${QOS2_SEND} › an identifier is in use until PUBCOMP, and not given to another message [MQTT-2.3.1-2] [MQTT-2.3.1-3]`,
		`${MESSAGES5} › identifiers of messages are not 0, and none is given twice at a time [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1]`,
		`${MESSAGES} › filters are subscribed to in batches of eight, the next after the answer`,
	] },
	{ id: "MQTT-2.3.1-2", text: "a new packet gets an id not in use", tests: [
		`${QOS2_SEND} › an identifier is in use until PUBCOMP, and not given to another message [MQTT-2.3.1-2] [MQTT-2.3.1-3]`,
		`${MESSAGES} › an identifier under way for a subscription is not given to a message [MQTT-2.3.1-2]`,
	] },
	{ id: "MQTT-2.3.1-3", text: "a resend keeps its id; the id is free only after the closing ack", tests: [
		`${CONNECT} › what was not acknowledged is sent again with DUP, in order and with its identifier [MQTT-4.4.0-1] [MQTT-2.3.1-3]`,
		`${QOS2_SEND} › an identifier is in use until PUBCOMP, and not given to another message [MQTT-2.3.1-2] [MQTT-2.3.1-3]`,
	] },
	{ id: "MQTT-2.3.1-5", text: "no packet id in a QoS 0 PUBLISH", tests: [
		`${PACKET} › encodePublish has an identifier only above QoS 0 [MQTT-2.3.1-5], and never DUP`,
	] },
	{ id: "MQTT-2.3.1-6", text: "PUBACK, PUBREC, PUBREL, PUBCOMP repeat the PUBLISH id", tests: [
		`${MESSAGES} › PUBACKs are in the order of the messages, each once, a repeated identifier too [MQTT-4.6.0-2] [MQTT-4.3.2-2]`,
		`${QOS2_SEND} › a message at QoS 2 is PUBLISH, then PUBREL for its PUBREC, and done with PUBCOMP [MQTT-4.3.3-1] [MQTT-2.3.1-6]`,
		`${QOS2_RECEIVE} › a message at QoS 2 is delivered and answered by PUBREC, its PUBREL by PUBCOMP [MQTT-3.3.4-1] [MQTT-4.3.3-2]`,
	] },
	{ id: "MQTT-2.3.1-7", text: "an ack with another id is not taken for ours", tests: [
		`${MESSAGES} › a message at QoS 1 waits for its PUBACK, and for no other`,
		`${MESSAGES} › an answer with another identifier, or of the other kind, is not taken for ours [MQTT-2.3.1-7]`,
	] },
	{ id: "MQTT-3.1.0-1", text: "CONNECT is the first packet", tests: [
		`${CONNECT} › CONNECT is the first packet, and the only one until the server accepts [MQTT-3.1.0-1] [MQTT-3.1.0-2]`,
	] },
	{ id: "MQTT-3.1.0-2", text: "never a second CONNECT on one connection", tests: [
		`${CONNECT} › CONNECT is the first packet, and the only one until the server accepts [MQTT-3.1.0-1] [MQTT-3.1.0-2]`,
		`${MESSAGES} › the same bytes go out however small the pieces`,
	] },
	{ id: "MQTT-3.1.2-1", text: "protocol name is MQTT", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]`,
	] },
	{ id: "MQTT-3.1.2-2", text: "level byte is 4; return code 1 is reported", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]`,
		`${CONNECT} › a server that refuses ends the link, with its reason [MQTT-3.2.2-5]`,
	] },
	{ id: "MQTT-3.1.2-3", text: "reserved connect flag is 0", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]`,
	] },
	{ id: "MQTT-3.1.2-4", text: "CleanSession 0: session state is kept over a disconnect", tests: [
		`${RULES} › a session kept is asked for again with the same identifier, for as long as the client lives [MQTT-3.1.2-4] [MQTT-3.1.3-2]`,
		`${SCENARIOS} › messages that wait in the session are delivered when the device comes back`,
	] },
	{ id: "MQTT-3.1.2-6", text: "CleanSession 1: earlier session state is dropped and not reused", tests: [
		`${RULES} › a clean session begins anew each time: the flag again, nothing released, nothing sent again as a duplicate [MQTT-3.1.2-6]`,
		`${QOS2_RECEIVE} › a new session knows no identifiers of the old one [MQTT-3.1.2-6]`,
	] },
	{ id: "MQTT-3.1.2-9", text: "will flag set: topic and message are in the payload", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a will`,
	] },
	{ id: "MQTT-3.1.2-11", text: "will flag clear: QoS and retain bits 0, no will fields", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › nothing but an id`,
	] },
	{ id: "MQTT-3.1.2-13", text: "will flag clear: will QoS 0", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › nothing but an id`,
	] },
	{ id: "MQTT-3.1.2-14", text: "will QoS is never 3", tests: [
		`${SESSION} › Session refuses options that no CONNECT can carry, when it is made and not when it connects › a will at QoS 3 [MQTT-3.1.2-14]`,
	] },
	{ id: "MQTT-3.1.2-15", text: "will flag clear: will retain 0", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › nothing but an id`,
	] },
	{ id: "MQTT-3.1.2-18", text: "no user name without its flag", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › nothing but an id`,
	] },
	{ id: "MQTT-3.1.2-19", text: "user name present with its flag", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a user`,
	] },
	{ id: "MQTT-3.1.2-20", text: "no password without its flag", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a user`,
	] },
	{ id: "MQTT-3.1.2-21", text: "password present with its flag", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › a user and a password`,
	] },
	{ id: "MQTT-3.1.2-22", text: "no password flag without the user name flag", tests: [
		`${PACKET} › connectLength refuses what the specification forbids › a password without a user [MQTT-3.1.2-22]`,
	] },
	{ id: "MQTT-3.1.2-23", text: "idle time never exceeds keep alive: PINGREQ is sent", tests: [
		`${KEEP_ALIVE} › a ping goes out before the keep alive is over [MQTT-3.1.2-23]`,
		`${KEEP_ALIVE} › keep alive counts from the last byte that was sent, not from the last that was received`,
		`${KEEP_ALIVE} › the server's count is kept alive too while its answer is held up by a long message [MQTT-3.1.2-23]`,
	] },
	{ id: "MQTT-3.1.3-1", text: "payload order: id, will topic, will message, user, password", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1] › everything`,
	] },
	{ id: "MQTT-3.1.3-2", text: "session state belongs to the client id", tests: [
		`${RULES} › a session kept is asked for again with the same identifier, for as long as the client lives [MQTT-3.1.2-4] [MQTT-3.1.3-2]`,
	] },
	{ id: "MQTT-3.1.3-3", text: "client id always present, first", tests: [
		`${PACKET} › encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]`,
	] },
	{ id: "MQTT-3.1.3-4", text: "client id is UTF-8", tests: [
		`${PACKET} › connectLength refuses what the specification forbids › an id with half a surrogate pair`,
		`${WRITER} › Writer.utf8 writes the length in bytes, not in characters`,
	] },
	{ id: "MQTT-3.1.3-7", text: "empty client id only with CleanSession 1", tests: [
		`${PACKET} › connectLength refuses what the specification forbids › an empty id without a clean start [MQTT-3.1.3-7]`,
	] },
	{ id: "MQTT-3.1.3-10", text: "will topic is UTF-8", tests: [
		`${SESSION} › Session refuses options that no CONNECT can carry, when it is made and not when it connects › a will to a topic with U+0000`,
		`${WRITER} › Writer.utf8 writes the length in bytes, not in characters`,
	] },
	{ id: "MQTT-3.1.3-11", text: "user name is UTF-8", tests: [
		`${PACKET} › connectLength refuses what the specification forbids › a user name with half a surrogate pair`,
		`${WRITER} › Writer.utf8 writes the length in bytes, not in characters`,
	] },
	{ id: "MQTT-3.1.4-5", text: "data sent before CONNACK may be lost: client must cope", tests: [
		`${CONNECT} › CONNECT is the first packet, and the only one until the server accepts [MQTT-3.1.0-1] [MQTT-3.1.0-2]`,
	] },
	{ id: "MQTT-3.2.0-1", text: "first packet from the server other than CONNACK: protocol violation", tests: [
		`${BAD_INPUT} › bad input instead of CONNACK: one event, one code, link closed, session intact › a message before CONNACK [MQTT-3.2.0-1]`,
	] },
	{ id: "MQTT-3.2.2-1", text: "session present 1 after CleanSession 1 is not believed", tests: [
		`${CONNECT} › a session present after a clean start is a violation [MQTT-3.2.2-1]`,
	] },
	{ id: "MQTT-3.2.2-4", text: "non-zero return code: treated as refused whatever session present says", tests: [
		`${CONNECT} › a server that refuses ends the link, with its reason [MQTT-3.2.2-5]`,
	] },
	{ id: "MQTT-3.2.2-5", text: "after a refusal the connection is closed", tests: [
		`${CONNECT} › a server that refuses ends the link, with its reason [MQTT-3.2.2-5]`,
		`${CLIENT} › Client waits longer for a server that refuses`,
	] },
	{ id: "MQTT-3.3.1-1", text: "DUP set on a redelivered PUBLISH", tests: [
		`${CONNECT} › what was not acknowledged is sent again with DUP, in order and with its identifier [MQTT-4.4.0-1] [MQTT-2.3.1-3]`,
		`${CONNECT} › a message of which only some bytes went out is sent again from its beginning, with DUP`,
		`${QOS2_SEND} › a message at QoS 2 without PUBREC is sent again on the next connection, with DUP and its identifier`,
	] },
	{ id: "MQTT-3.3.1-2", text: "DUP 0 on QoS 0", tests: [
		`${MESSAGES} › a message at QoS 0 is sent once and answered by nothing, either way`,
		`${CONNECT} › a message at QoS 0 is gone with the connection, half sent or not sent at all`,
	] },
	{ id: "MQTT-3.3.1-4", text: "QoS bits 11 never sent; received: close", tests: [
		`${SESSION} › Session.publish refuses a QoS that it cannot do [MQTT-3.3.1-4]`,
		`${BAD_INPUT} › bad input on an open link: one event, one code, link closed, session intact › PUBLISH at QoS 3 [MQTT-3.3.1-4]`,
	] },
	{ id: "MQTT-3.3.2-1", text: "topic first in PUBLISH, UTF-8", tests: [
		`${PACKET} › encodePublish has an identifier only above QoS 0 [MQTT-2.3.1-5], and never DUP`,
		`${SESSION} › Session.publish refuses what is no topic`,
	] },
	{ id: "MQTT-3.3.2-2", text: "no wildcard in a PUBLISH topic", tests: [
		`${SESSION} › Session.publish refuses what is no topic`,
	] },
	{ id: "MQTT-3.3.4-1", text: "answer to PUBLISH follows its QoS (none, PUBACK, PUBREC)", tests: [
		`${MESSAGES} › a message at QoS 0 is sent once and answered by nothing, either way`,
		`${QOS2_RECEIVE} › PUBRECs are in the order of the messages, and PUBACKs among them [MQTT-4.6.0-3] [MQTT-4.6.0-2]`,
	] },
	{ id: "MQTT-3.6.1-1", text: "PUBREL flags are 0010", tests: [
		`${QOS2_SEND} › a message at QoS 2 is PUBLISH, then PUBREL for its PUBREC, and done with PUBCOMP [MQTT-4.3.3-1] [MQTT-2.3.1-6]`,
		`${BAD_INPUT} › bad input on an open link: one event, one code, link closed, session intact › PUBREL without its flag`,
	] },
	{ id: "MQTT-3.8.1-1", text: "SUBSCRIBE flags are 0010", tests: [
		`${PACKET} › encodeSubscribe and encodeUnsubscribe keep the order of the filters`,
	] },
	{ id: "MQTT-3.8.3-1", text: "topic filters are UTF-8", tests: [
		`${PACKET} › encodeSubscribe and encodeUnsubscribe keep the order of the filters`,
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
	] },
	{ id: "MQTT-3.8.3-2", text: "filters with wildcards are accepted by the API", tests: [
		`${TOPIC} › isFilter takes # alone at the end and + alone in its level [MQTT-4.7.1-2] [MQTT-4.7.1-3]`,
		`${PACKET} › encodeSubscribe and encodeUnsubscribe keep the order of the filters`,
	] },
	{ id: "MQTT-3.8.3-3", text: "SUBSCRIBE holds at least one filter", tests: [
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
		`${MESSAGES} › filters are subscribed to in batches of eight, the next after the answer`,
	] },
	{ id: "MQTT-3-8.3-4", text: "requested QoS byte: upper six bits 0, value 0..2", tests: [
		`${SESSION} › Session.subscribe refuses a QoS that it cannot receive [MQTT-3-8.3-4]`,
		`${PACKET} › encodeSubscribe and encodeUnsubscribe keep the order of the filters`,
	] },
	{ id: "MQTT-3.8.4-5", text: "one SUBACK code per filter, failures reported per filter", tests: [
		`${MESSAGES} › filters are subscribed to in batches of eight, the next after the answer`,
	] },
	{ id: "MQTT-3.9.3-1", text: "SUBACK codes are matched to filters by order", tests: [
		`${MESSAGES} › filters are subscribed to in batches of eight, the next after the answer`,
	] },
	{ id: "MQTT-3.9.3-2", text: "SUBACK code other than 0,1,2,0x80: violation", tests: [
		`${BAD_INPUT} › bad input on an open link: one event, one code, link closed, session intact › SUBACK with code 3 [MQTT-3.9.3-2]`,
	] },
	{ id: "MQTT-3.10.1-1", text: "UNSUBSCRIBE flags are 0010", tests: [
		`${PACKET} › encodeSubscribe and encodeUnsubscribe keep the order of the filters`,
	] },
	{ id: "MQTT-3.10.3-1", text: "UNSUBSCRIBE filters are UTF-8", tests: [
		`${PACKET} › encodeSubscribe and encodeUnsubscribe keep the order of the filters`,
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
	] },
	{ id: "MQTT-3.10.3-2", text: "UNSUBSCRIBE holds at least one filter", tests: [
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
		`${MESSAGES} › a filter is unsubscribed from after the answer to what went before`,
	] },
	{ id: "MQTT-3.10.4-5", text: "UNSUBACK completes the call even if nothing was subscribed", tests: [
		`${RULES} › UNSUBACK ends an unsubscribing though the server had not subscribed us [MQTT-3.10.4-5]`,
	] },
	{ id: "MQTT-3.12.4-1", text: "missing PINGRESP within reasonable time: connection is given up", tests: [
		`${KEEP_ALIVE} › a ping without answer ends the link [MQTT-3.12.4-1]`,
		`${CLIENT} › Client pings, and gives up when there is no answer`,
	] },
	{ id: "MQTT-3.14.1-1", text: "DISCONNECT flags are 0000", tests: [
		`${MESSAGES} › DISCONNECT is the last packet, and the end [MQTT-3.14.4-1] [MQTT-3.14.4-2]`,
	] },
	{ id: "MQTT-3.14.4-1", text: "closes after sending DISCONNECT", tests: [
		`${CLIENT} › Client.close sends what is queued, then DISCONNECT, when there is room`,
		`${MESSAGES} › DISCONNECT is the last packet, and the end [MQTT-3.14.4-1] [MQTT-3.14.4-2]`,
	] },
	{ id: "MQTT-3.14.4-2", text: "sends nothing after DISCONNECT", tests: [
		`${MESSAGES} › DISCONNECT is the last packet, and the end [MQTT-3.14.4-1] [MQTT-3.14.4-2]`,
	] },
	{ id: "MQTT-4.1.0-1", text: "session state is stored for as long as the session lasts", tests: [
		`${RULES} › a session kept is asked for again with the same identifier, for as long as the client lives [MQTT-3.1.2-4] [MQTT-3.1.3-2]`,
		`${QOS2_RECEIVE} › a message that comes again before its PUBREL is answered and not delivered [MQTT-4.3.3-2]`,
	] },
	{ id: "MQTT-4.1.0-2", text: "session lasts at least as long as the connection", tests: [
		`${MESSAGES} › a message at QoS 1 waits for its PUBACK, and for no other`,
		`${QOS2_RECEIVE} › a message that comes again before its PUBREL is answered and not delivered [MQTT-4.3.3-2]`,
	] },
	{ id: "MQTT-4.3.1-1", text: "QoS 0: DUP 0", tests: [
		`${MESSAGES} › a message at QoS 0 is sent once and answered by nothing, either way`,
	] },
	{ id: "MQTT-4.3.2-1", text: "QoS 1 sender: new id, DUP 0, unacknowledged until PUBACK", tests: [
		`${MESSAGES} › a message at QoS 1 waits for its PUBACK, and for no other`,
		`${CONNECT} › what was not acknowledged is sent again with DUP, in order and with its identifier [MQTT-4.4.0-1] [MQTT-2.3.1-3]`,
	] },
	{ id: "MQTT-4.3.2-2", text: "QoS 1 receiver: PUBACK with the id; same id afterwards is a new message", tests: [
		`${MESSAGES} › PUBACKs are in the order of the messages, each once, a repeated identifier too [MQTT-4.6.0-2] [MQTT-4.3.2-2]`,
	] },
	{ id: "MQTT-4.3.3-1", text: "QoS 2 sender: PUBLISH, then PUBREL after PUBREC, never PUBLISH again after PUBREL", tests: [
		`${QOS2_SEND} › a message at QoS 2 is PUBLISH, then PUBREL for its PUBREC, and done with PUBCOMP [MQTT-4.3.3-1] [MQTT-2.3.1-6]`,
		`${QOS2_SEND} › after PUBREC only PUBREL is sent again, never the message [MQTT-4.3.3-1] [MQTT-4.4.0-1]`,
	] },
	{ id: "MQTT-4.3.3-2", text: "QoS 2 receiver: PUBREC every copy until PUBREL, deliver once, PUBCOMP every PUBREL", tests: [
		`${QOS2_RECEIVE} › a message at QoS 2 is delivered and answered by PUBREC, its PUBREL by PUBCOMP [MQTT-3.3.4-1] [MQTT-4.3.3-2]`,
		`${QOS2_RECEIVE} › a message that comes again before its PUBREL is answered and not delivered [MQTT-4.3.3-2]`,
		`${QOS2_RECEIVE} › after PUBCOMP an identifier means a new message`,
	] },
	{ id: "MQTT-4.4.0-1", text: "reconnect with CleanSession 0: unacknowledged PUBLISH and PUBREL are resent with their ids", tests: [
		`${CONNECT} › what was not acknowledged is sent again with DUP, in order and with its identifier [MQTT-4.4.0-1] [MQTT-2.3.1-3]`,
		`${QOS2_SEND} › after PUBREC only PUBREL is sent again, never the message [MQTT-4.3.3-1] [MQTT-4.4.0-1]`,
	] },
	{ id: "MQTT-4.5.0-2", text: "every PUBLISH is acknowledged whether or not the application wants it", tests: [
		`${MESSAGES} › PUBACKs are in the order of the messages, each once, a repeated identifier too [MQTT-4.6.0-2] [MQTT-4.3.2-2]`,
		`${QOS2_RECEIVE} › PUBRECs are in the order of the messages, and PUBACKs among them [MQTT-4.6.0-3] [MQTT-4.6.0-2]`,
	] },
	{ id: "MQTT-4.6.0-1", text: "resends keep the original order", tests: [
		`${QOS2_SEND} › what is sent again keeps its order: PUBREL and PUBLISH, QoS 1 and 2 [MQTT-4.6.0-1]`,
	] },
	{ id: "MQTT-4.6.0-2", text: "PUBACKs in the order of the PUBLISHes", tests: [
		`${MESSAGES} › PUBACKs are in the order of the messages, each once, a repeated identifier too [MQTT-4.6.0-2] [MQTT-4.3.2-2]`,
	] },
	{ id: "MQTT-4.6.0-3", text: "PUBRECs in the order of the PUBLISHes", tests: [
		`${QOS2_RECEIVE} › PUBRECs are in the order of the messages, and PUBACKs among them [MQTT-4.6.0-3] [MQTT-4.6.0-2]`,
	] },
	{ id: "MQTT-4.6.0-4", text: "PUBRELs in the order of the PUBRECs", tests: [
		`${QOS2_SEND} › PUBRELs are in the order of the PUBRECs [MQTT-4.6.0-4]`,
	] },
	{ id: "MQTT-4.7.1-1", text: "wildcards only in filters", tests: [
		`${SESSION} › Session.publish refuses what is no topic`,
		`${SESSION} › Session refuses options that no CONNECT can carry, when it is made and not when it connects › a will to a filter`,
	] },
	{ id: "MQTT-4.7.1-2", text: "# only last and alone in its level", tests: [
		`${TOPIC} › isFilter takes # alone at the end and + alone in its level [MQTT-4.7.1-2] [MQTT-4.7.1-3]`,
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
	] },
	{ id: "MQTT-4.7.1-3", text: "+ fills a whole level", tests: [
		`${TOPIC} › isFilter takes # alone at the end and + alone in its level [MQTT-4.7.1-2] [MQTT-4.7.1-3]`,
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
	] },
	{ id: "MQTT-4.7.2-1", text: "local dispatch: filters starting with a wildcard do not match $ topics", tests: [
		`${TOPIC} › matches follows the specification's examples [MQTT-4.7.2-1]`,
	] },
	{ id: "MQTT-4.7.3-1", text: "topics and filters have at least one character", tests: [
		`${SESSION} › Session.publish refuses what is no topic`,
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
	] },
	{ id: "MQTT-4.7.3-2", text: "no U+0000 in topics and filters", tests: [
		`${SESSION} › Session.publish refuses what is no topic`,
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
	] },
	{ id: "MQTT-4.7.3-3", text: "topics and filters are at most 65535 bytes", tests: [
		`${SESSION} › Session.publish refuses what is no topic`,
		`${SESSION} › Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it`,
	] },
	{ id: "MQTT-4.7.3-4", text: "local dispatch matches byte for byte, no normalisation", tests: [
		`${TOPIC} › matches follows the specification's examples [MQTT-4.7.2-1]`,
	] },
	{ id: "MQTT-4.8.0-1", text: "protocol violation: close the connection it came on", tests: [
		`${BAD_INPUT} › bad input on an open link: one event, one code, link closed, session intact`,
		`${CLIENT} › Client reports each failure of an attempt once, with the code of what failed`,
	] },
	{ id: "MQTT-4.8.0-2", text: "transient error while processing: close that connection", tests: [
		`${CLIENT} › Client reports a stream that fails on writing or reading from a callback, not inside the call`,
	] },
	{ id: "MQTT-6.0.0-1", text: "WebSocket: binary frames only; a text frame closes", tests: [
		`${WEBSOCKET} › each write is one binary message in one masked frame`,
		`${WEBSOCKET} › \${what} is one onError with violation, after what came before it › a text message`,
	] },
	{ id: "MQTT-6.0.0-2", text: "packets may span or share WebSocket frames", tests: [
		`${WEBSOCKET} › fragments of a message and several messages are one stream of bytes, with pings answered between them`,
		`${WEBSOCKET} › what a server sends byte by byte is the same`,
	] },
	{ id: "MQTT-6.0.0-3", text: "offers subprotocol mqtt", tests: [
		`${WEBSOCKET_OPENING} › the request is that of RFC 6455: path, host with its port, a key of 16 bytes, version 13, the subprotocol, no extension`,
	] },
	{ id: "MQTT-6.0.0-4", text: "refuses a server that did not select mqtt", tests: [
		`${WEBSOCKET_OPENING} › an answer \${what} is one onError with \${code}, and no connection › without the subprotocol`,
		`${WEBSOCKET_OPENING} › an answer \${what} is one onError with \${code}, and no connection › with another subprotocol`,
	] },
	{ id: "MQTT-7.0.0-2", text: "needs no extension outside the specification", tests: [
		`${SCENARIOS} › messages go both ways at each QoS, and are acknowledged`,
	] },
	{ id: "MQTT-7.1.2-1", text: "runs over an ordered lossless byte stream", tests: [
		`${CLIENT} › Client resolves, connects and says CONNECT, each from a callback of its own`,
		`${STREAM} › a long message arrives whole and in order`,
	] },
];
