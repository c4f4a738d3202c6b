// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: whether long use leaves something behind in the MQTT client, and what a message allocates. */
import { Client } from "moorline/mqtt";
import { native } from "../../hosts/xs/native.js";
import { headOf, Memory, puback, publishSegments, TOPIC } from "../bench/memory.js";
import { begin, end } from "./meter.js";
import host from "./xs-host.js";

const MESSAGES = 10_000;
const RECONNECTS = 1_000;
/** After which everything that is made once is made. */
const WARM_UP = 200;
const SIZE = 200;
const RECEIVED = 100;

const memory = new Memory();
const payload = new Uint8Array(SIZE).fill(0x41);
const answer = new Uint8Array(4);
const options = { qos: 1 } as const;
let received = 0;
const client = new Client({
	host: memory.host(host), server: { name: "broker", port: 1883 }, clientId: "budget",
	onMessage(message) { received += message.end - message.start; },
});
memory.connect();

function exchange(count: number): void {
	for (let index = 0; index < count; index++) {
		memory.receive(puback(answer, client.publish(TOPIC, payload, options) as number), answer.byteLength);
	}
}

function reconnect(count: number): void {
	for (let index = 0; index < count; index++) {
		memory.lose();
		memory.connect();
		exchange(1);
	}
}

function receive(segment: Uint8Array, head: Uint8Array, count: number): void {
	for (let index = 0; index < count; index++) memory.receive(head, segment.byteLength);
}

exchange(WARM_UP);
reconnect(WARM_UP);
const segments = [0, 1].map((qos) => publishSegments(SIZE, qos)[0]!);
const heads = segments.map(headOf);
segments.forEach((segment, index) => receive(segment, heads[index]!, WARM_UP));
native.collect();

begin();
exchange(MESSAGES);
native.collect();
end("kept of 10,000 messages published and acknowledged");
begin();
reconnect(RECONNECTS);
native.collect();
end("kept of 1,000 connections");
function allocated(name: string, run: () => void): void {
	begin();
	native.collector(false);
	run();
	end(name, RECEIVED);
	native.collector(true);
}

allocated("allocated per message of 200 B received at QoS 0", () => receive(segments[0]!, heads[0]!, RECEIVED));
allocated("allocated per message of 200 B received at QoS 1", () => receive(segments[1]!, heads[1]!, RECEIVED));
allocated("allocated per message of 200 B published at QoS 1", () => exchange(RECEIVED));
if (received === 0) throw new Error("nothing was received");
host.trace("ready");
