// SPDX-License-Identifier: Apache-2.0
/**
 * What no broker at hand does by itself, from a server that says what the test says, on a real socket and in the codec of
 * others (mqtt-packet): aliases for us, authentication in steps, farewells with a reason.
 */
import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { parser, writeToStream, type IConnectPacket, type Packet } from "mqtt-packet";
import { Device, type DeviceOptions } from "./device.js";
import { Inbox } from "./inbox.js";

const OPTIONS = { timeout: 30_000 };
const V5 = { protocolVersion: 5 };

/** One connection after the other: what the client said, and a way to answer. */
class Script {
	readonly heard = new Inbox<Packet>();
	readonly port: number;
	#socket: Socket | undefined;

	static async open(context: TestContext): Promise<Script> {
		const server = createServer({ noDelay: true });
		await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
		const script = new Script((server.address() as AddressInfo).port);
		server.on("connection", (socket) => {
			script.#socket = socket;
			const decoder = parser(V5);
			decoder.on("packet", (packet) => { script.heard.put(packet); });
			socket.on("data", (bytes: Buffer) => { decoder.parse(bytes); });
			socket.on("error", () => { /* The test says when it is over. */ });
		});
		context.after(() => {
			script.#socket?.destroy();
			server.close();
		});
		return script;
	}

	private constructor(port: number) {
		this.port = port;
	}

	say(packet: Packet): void {
		writeToStream(packet, this.#socket as never, V5);
	}

	/** The next packet, which must be of this kind. */
	async expect<Kind extends Packet["cmd"]>(cmd: Kind): Promise<Extract<Packet, { cmd: Kind }>> {
		const packet = await this.heard.next();
		assert.equal(packet.cmd, cmd);
		return packet as Extract<Packet, { cmd: Kind }>;
	}

	/** Plays a server that accepts at once. */
	async accept(): Promise<IConnectPacket> {
		const connect = await this.expect("connect");
		this.say({ cmd: "connack", reasonCode: 0, sessionPresent: false });
		return connect;
	}
}

function device(context: TestContext, { port }: Script, options: DeviceOptions = {}): Device {
	return new Device(context, port, "scripted", { protocol: 5, ...options });
}

test("a scripted server: aliases that it gives to topics are understood, and are new with each connection", OPTIONS, async (context) => {
	const script = await Script.open(context);
	const ours = device(context, script, { topicAliasMaximum: 2 });
	const connect = await script.accept();
	assert.equal(connect.properties?.topicAliasMaximum, 2);
	const say = (topic: string, topicAlias: number, payload: string): void => {
		script.say({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false, properties: { topicAlias } });
	};
	say("a", 1, "1");
	say("b", 2, "2");
	say("", 1, "3");
	say("c", 1, "4");
	say("", 1, "5");
	say("", 2, "6");
	assert.deepEqual((await ours.messages.take(6)).map(({ topic, text }) => topic + text), ["a1", "b2", "a3", "c4", "c5", "b6"]);
	say("d", 3, "7");
	assert.equal((await script.expect("disconnect")).reasonCode, 0x94);
	assert.equal((await ours.lost.next()).code, "violation");
});

test("a scripted server: authentication in steps, and anew", OPTIONS, async (context) => {
	const script = await Script.open(context);
	const ours = device(context, script, {
		authentication: {
			method: "steps",
			begin: () => Uint8Array.of(1),
			respond: (data) => Uint8Array.of(...data ?? [], 9),
		},
	});
	const properties = { authenticationMethod: "steps" };
	const { properties: said } = await script.expect("connect");
	assert.deepEqual([said?.authenticationMethod, [...said!.authenticationData!]], ["steps", [1]]);
	const answer = async (): Promise<number[]> => {
		const { reasonCode, properties: answered } = await script.expect("auth");
		assert.deepEqual([reasonCode, answered?.authenticationMethod], [0x18, "steps"]);
		return [...answered!.authenticationData!];
	};
	for (const step of [2, 3]) {
		script.say({ cmd: "auth", reasonCode: 0x18, properties: { ...properties, authenticationData: Buffer.of(step) } });
		assert.deepEqual(await answer(), [step, 9]);
	}
	script.say({ cmd: "connack", reasonCode: 0, sessionPresent: false, properties });
	await ours.connected.next();
	ours.client.reauthenticate();
	const again = await script.expect("auth");
	assert.deepEqual([again.reasonCode, again.properties?.authenticationMethod], [0x19, "steps"]);
	script.say({ cmd: "auth", reasonCode: 0x18, properties: { ...properties, authenticationData: Buffer.of(4) } });
	assert.deepEqual(await answer(), [4, 9]);
	script.say({ cmd: "auth", reasonCode: 0, properties });
	ours.client.publish("t", "goes on", { qos: 1 });
	assert.equal((await script.expect("publish")).payload.toString(), "goes on");
});

test("a scripted server: DISCONNECT with a reason is told, and a session that was taken over is left alone", OPTIONS, async (context) => {
	const script = await Script.open(context);
	let told!: (delay: number) => void;
	const delayed = new Promise<number>((resolve) => { told = resolve; });
	const details: unknown[] = [];
	device(context, script, {
		onDisconnected: ({ code, detail }, delay) => {
			details.push(code, detail);
			told(delay);
		},
	});
	await script.accept();
	script.say({ cmd: "disconnect", reasonCode: 0x8e, properties: { reasonString: "another one" } });
	assert.ok(await delayed >= 30_000);
	assert.deepEqual(details, ["rejected", 0x8e]);
});

test("a scripted server: what it must not say is answered with a reason", OPTIONS, async (context) => {
	const script = await Script.open(context);
	const ours = device(context, script, { receiveMaximum: 1 });
	await script.accept();
	for (const messageId of [1, 2]) script.say({ cmd: "publish", topic: "t", payload: "x", qos: 2, dup: false, retain: false, messageId });
	const said = [await script.heard.next()];
	if (said[0]!.cmd === "pubrec") said.push(await script.heard.next());
	const last = said.at(-1)!;
	assert.equal(last.cmd, "disconnect");
	assert.equal(last.cmd === "disconnect" ? last.reasonCode : 0, 0x93);
	assert.equal((await ours.lost.next()).detail, 0x93);
});
