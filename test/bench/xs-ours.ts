// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: our whole client at work, as a program has it. */
import host from "../../hosts/xs/index.js";
import { Client, type Source } from "../../src/mqtt/index.js";
import { headOf, Memory, puback, publishSegments, TOPIC } from "./memory.js";
import { TASKS, type Task } from "./tasks.js";
import { perform } from "./xs-perform.js";

/** Payloads from here on are read piece by piece. */
const LARGE = 0x8000;

perform(TASKS, ({ direction, qos, size }: Task) => {
	const memory = new Memory();
	let received = 0;
	const client = new Client({
		host: memory.host(host), server: { name: "broker", port: 1883 }, clientId: "bench", inflightLength: 8192,
		onMessage(message) { received += message.end - message.start; },
	});
	memory.connect();
	if (direction === "received") {
		const segments = publishSegments(size, qos);
		const heads = segments.map(headOf);
		const lengths = segments.map(({ byteLength }) => byteLength);
		return (count) => {
			received = 0;
			for (let index = 0; index < count; index++) {
				for (let at = 0; at < heads.length; at++) memory.receive(heads[at]!, lengths[at]!);
			}
			if (received !== size * count) throw new Error("received wrongly");
		};
	}
	const bytes = new Uint8Array(size).fill(0x41);
	const source: Source = { byteLength: size, read(target, offset) { target.set(bytes.subarray(offset, offset + target.byteLength)); } };
	const payload = size < LARGE ? bytes : source;
	const options = { qos };
	const answer = new Uint8Array(4);
	return (count) => {
		for (let index = 0; index < count; index++) {
			const id = client.publish(TOPIC, payload, options);
			if (typeof id !== "number") throw new Error(id);
			if (qos > 0) memory.receive(puback(answer, id), answer.byteLength);
		}
	};
});
