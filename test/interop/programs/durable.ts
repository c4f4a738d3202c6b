// SPDX-License-Identifier: Apache-2.0
/**
 * A device with a session on flash, to be killed: it does what it reads, a JSON array to a line, and says what happens.
 * Arguments: port of the broker, directory of the device, client identifier, level of the protocol.
 */
import { createInterface } from "node:readline";
import { createHost } from "../../../hosts/node/index.js";
import { Client } from "../../../src/mqtt/client.js";

const [port, directory, clientId, level] = process.argv.slice(2) as [string, string, string, string];
const say = (...words: unknown[]): void => { process.stdout.write(`${JSON.stringify(words)}\n`); };

const client = new Client({
	host: createHost({ directory }),
	server: { name: "127.0.0.1", port: Number(port) },
	clientId,
	protocol: Number(level) as 4 | 5,
	store: { partition: "session" },
	reconnect: { base: 50, cap: 50 },
	onConnected: (sessionPresent) => { say("connected", sessionPresent); },
	onMessage: ({ topic, bytes, start, end }) => { say("message", topic, Buffer.from(bytes.slice(start, end)).toString()); },
	onAcknowledged: (packetId, reasonCode) => { say("acknowledged", packetId, reasonCode); },
	onSubscribed: (filter, reasonCode) => { say("subscribed", filter, reasonCode); },
});

createInterface({ input: process.stdin }).on("line", (line) => {
	const [verb, name, ...words] = JSON.parse(line) as [string, string, string | number, number];
	if (verb === "subscribe") client.subscribe(name, words[0] as 0 | 1 | 2);
	else say("published", client.publish(name, words[0] as string, { qos: words[1] as 0 | 1 | 2 }));
});
