// SPDX-License-Identifier: Apache-2.0
/** Declared and signed commands over the clouds' own messages, in both formats. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { CommandsService } from "../../hosts/simulator/clouds/aws/commands.js";
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { goliothIdentityValues } from "../../hosts/simulator/clouds/golioth/identity.js";
import { GoliothWorldCloud } from "../../hosts/simulator/clouds/golioth/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, type StorageValues, type World } from "../../hosts/world/index.js";
import type { JSONObject } from "../../src/bytes/value.js";
import { encodeCBOR } from "../../src/cbor/encode.js";
import type { CBORValue } from "../../src/cbor/value.js";
import { aws } from "../../src/clouds/aws/index.js";
import type { Cloud } from "../../src/clouds/cloud.js";
import { golioth } from "../../src/clouds/golioth/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { command, Device, list, model, number } from "../../src/index.js";
import { text } from "../unit/text.js";
import { base64url, envelope, ID, KEY, verify } from "./handlers.js";

const WITHIN = 60_000;
const makeWorld = (): World => createWorld({ seed: 1, digest: crypto.digest, verify });

/** A device that adds what it is given, and opens for who signs. */
function add(world: World, cloud: Cloud, identity: StorageValues): void {
	let device: Device | undefined;
	world.device({
		id: ID, storage: { identity },
		program: (host) => {
			device = new Device({
				host, cloud, commandKeys: [KEY],
				commands: {
					add: command({
						parameters: model({ numbers: list<number>() }),
						result: model({ sum: number() }),
						handler: (call) => call.succeed({ sum: call.parameters.numbers.reduce((sum, each) => sum + each, 0) }),
					}),
					unlock: { signed: true, handler: (call) => call.succeed({ opened: true }) },
				},
			});
		},
	});
	world.run(() => device?.connected === true, { within: WITHIN });
}

for (const format of ["json", "cbor"] as const) {
	test(`the private cloud in ${format}: declared, foreign, unknown, signed and not`, () => {
		const world = makeWorld();
		const cloud = new WorldCloud(world);
		add(world, privateCloud({ format }), identityValues(cloud.manufacture(ID)));
		const ask = (payload: JSONObject, id?: string): unknown[] => {
			const sent = cloud.commands.send(ID, payload, { id });
			world.run(() => !["CREATED", "IN_PROGRESS"].includes(cloud.commands.get(ID, sent)!.status), { within: WITHIN });
			const { status, reason, description, result } = cloud.commands.get(ID, sent)!;
			return [status, reason ?? (result && { ...result }), description].filter((part) => part !== undefined);
		};
		assert.deepEqual(ask({ command: "add", parameters: { numbers: [1, 2.5] } }), ["SUCCEEDED", { sum: 3.5 }]);
		assert.deepEqual(ask({ command: "add", parameters: { numbers: [], strange: 1 } }), ["REJECTED", "BAD_PARAMETERS", "strange is not known"]);
		assert.deepEqual(ask({ command: "dance" }), ["REJECTED", "UNKNOWN_COMMAND"]);
		assert.deepEqual(ask({ command: "unlock" }), ["REJECTED", "NOT_SIGNED"]);
		assert.deepEqual(ask({ signed: base64url(envelope({ id: "one", command: "unlock" })) }, "one"), ["SUCCEEDED", { opened: true }]);
		assert.deepEqual(ask({ signed: base64url(envelope({ id: "one", command: "unlock" })) }, "two").slice(0, 2), ["REJECTED", "REPLAYED"]);
		assert.deepEqual(ask({ command: "ping" }), ["SUCCEEDED"]);
	});

	test(`AWS in ${format}: who makes up no identifiers signs a nonce`, () => {
		const world = makeWorld();
		let commands!: CommandsService;
		const cloud = new AwsWorldCloud(world, { services: [(context) => commands = new CommandsService(context)] });
		add(world, aws(), identityValues(cloud.manufacture(ID)));
		const ask = (message: CBORValue): string => {
			const payload = format === "cbor" ? encodeCBOR(text, message) : bytesOf(JSON.stringify(message));
			const id = commands.send({ thing: ID }, { payload, contentType: `application/${format}` });
			world.run(() => !["CREATED", "IN_PROGRESS"].includes(commands.execution(id)!.status), { within: WITHIN });
			const { status, statusReason } = commands.execution(id)!;
			return statusReason === undefined ? status : `${status} ${statusReason.reasonCode}`;
		};
		const signed = envelope({ nonce: "once", command: "unlock" });
		const wrapped: CBORValue = { signed: format === "cbor" ? signed : base64url(signed) };
		assert.equal(ask({ command: "add", parameters: { numbers: [1] } }), "SUCCEEDED");
		assert.equal(ask({ command: "add", parameters: { numbers: 1 } }), "REJECTED BAD_PARAMETERS");
		assert.equal(ask({ command: "unlock" }), "REJECTED NOT_SIGNED");
		assert.equal(ask(wrapped), "SUCCEEDED");
		assert.equal(ask(wrapped), "REJECTED REPLAYED");
	});
}

test("Golioth: a call of a method with one parameter is a command", () => {
	const world = makeWorld();
	const cloud = new GoliothWorldCloud(world);
	add(world, golioth(), goliothIdentityValues(cloud.manufacture(ID)));
	const ask = (method: string, ...params: CBORValue[]): unknown => {
		const call = cloud.rpc.call(ID, method, params);
		world.run(() => call.statusCode !== undefined, { within: WITHIN });
		return JSON.parse(JSON.stringify([call.statusCode, call.detail]));
	};
	const signed = envelope({ nonce: "once", command: "unlock" });
	assert.deepEqual(ask("add", { numbers: [1, 2] }), [0, { sum: 3 }]);
	assert.deepEqual(ask("add", { numbers: 1 }), [9, { reason: "BAD_PARAMETERS", description: "numbers is no list" }]);
	assert.deepEqual(ask("ping"), [0, {}]);
	assert.deepEqual(ask("unlock"), [9, { reason: "NOT_SIGNED" }]);
	assert.deepEqual(ask("signed", signed), [0, { opened: true }]);
	assert.deepEqual(ask("signed", base64url(signed)), [9, { reason: "REPLAYED" }]);
});

test("names without end do not keep a device from what it is for", () => {
	const world = makeWorld();
	const cloud = new WorldCloud(world);
	add(world, privateCloud(), identityValues(cloud.manufacture(ID)));
	const ask = (id: string, parameters: JSONObject): string => {
		cloud.commands.send(ID, { command: "add", parameters }, { id });
		world.run(world.clock.now + 2_000);
		const { status, reason } = cloud.commands.get(ID, id)!;
		return `${status} ${reason}`;
	};
	const said = new Set<string>();
	for (let index = 0; index < 8; index++) {
		const strange = Array.from({ length: 10 }, (_, name) => [`strange${index}${name}`, 1]);
		said.add(ask(`a${index}`, { ...Object.fromEntries(strange) as JSONObject, numbers: [] }));
	}
	// Of what is too strange to be read the cloud hears nothing: it forgets the command when its time is up.
	assert.deepEqual([...said], ["REJECTED BAD_PARAMETERS", "CREATED undefined"]);
	assert.equal(ask("b", { numbers: [1] }), "SUCCEEDED undefined");
});

function bytesOf(value: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return bytes;
}
