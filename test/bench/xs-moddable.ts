// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: Moddable's ECMA-419 MQTT client at work, out of an SDK that is not ours. */
import { puback, publishSegments, TOPIC } from "./memory.js";
import { connect, receive } from "./moddable-network.js";
import { TASKS } from "./tasks.js";
import { perform } from "./xs-perform.js";

/** What is longer than the socket takes at once is written in pieces. */
const PIECE = 1024;

perform(TASKS, ({ direction, qos, size }) => {
	let received = 0;
	const client = connect((count) => { received += count; });
	if (direction === "received") {
		const segments = publishSegments(size, qos);
		return (count) => {
			received = 0;
			for (let index = 0; index < count; index++) {
				for (let at = 0; at < segments.length; at++) receive(segments[at]!);
			}
			if (received !== size * count) throw new Error(`received ${received} bytes`);
		};
	}
	const piece = new Uint8Array(Math.min(size, PIECE)).fill(0x41);
	const message = { topic: TOPIC, QoS: qos, byteLength: size };
	const answer = new Uint8Array(4);
	return (count) => {
		for (let index = 0; index < count; index++) {
			client.write(piece, message);
			for (let left = size - piece.byteLength; left > 0; left -= piece.byteLength) client.write(piece);
			if (qos > 0) receive(puback(answer, 2));
		}
	};
});
