// SPDX-License-Identifier: Apache-2.0
/** The device's own CoAP server, asked by libcoap's client: requests, blocks both ways, observing, discovery. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Code, ContentFormat } from "../../src/coap/constants.js";
import type { ResourceRequest } from "../../src/coap/resource.js";
import { Resources } from "../../src/coap/resources.js";
import { CoAPServer } from "../../src/coap/server.js";
import { pattern, sameBytes } from "../host/bench.js";
import { BLOCK_SIZES, host } from "./coap-device.js";
import { Inbox } from "./inbox.js";
import { libcoapClient, needsLibcoap } from "./libcoap.js";

const limited = { ...needsLibcoap, timeout: 60_000 };

interface Scene {
	ask(path: string, ...words: string[]): Promise<string>;
	asked: Inbox<ResourceRequest>;
	/** Of the stored value. */
	set(value: Uint8Array): void;
	readonly value: Uint8Array;
	directory: string;
}

/** A device with one value that can be read, written, deleted and observed. */
function serve(context: TestContext, blockLength = 1_024): Scene {
	const asked = new Inbox<ResourceRequest>();
	let value: Uint8Array = Buffer.from("21.5");
	const resources = new Resources({ codec: host.text, bodyMaximum: 8_192, blockLength, onWake: () => { server.wake(); } });
	const change = (to: Uint8Array) => {
		value = to;
		resources.notify("value");
	};
	resources.add("value", {
		methods: [Code.GET, Code.PUT, Code.DELETE],
		observable: true,
		offers: [ContentFormat.TEXT],
		attributes: [{ name: "rt", value: "temperature celsius" }, { name: "if", value: "sensor" }, { name: "sz", value: "2000" }],
		onRequest(request, reply) {
			if (!request.isNotification) asked.put({ ...request, payload: request.payload.slice() });
			if (request.code === Code.GET) return reply.send({ code: Code.CONTENT, payload: value, contentFormat: ContentFormat.TEXT });
			change(request.code === Code.PUT ? request.payload.slice() : new Uint8Array(0));
			reply.send({ code: request.code === Code.PUT ? Code.CHANGED : Code.DELETED });
		},
	});
	resources.add("slow/one", {
		methods: [Code.GET],
		attributes: [{ name: "rt", value: "example" }, { name: "if", value: "setting" }, { name: "sz", value: "7" }],
		onRequest(_, reply) { setTimeout(() => { reply.send({ code: Code.CONTENT, payload: Buffer.from("at last") }); }, 3_000); },
	});
	const server: CoAPServer = new CoAPServer({ host, port: 0, answerer: () => resources.answerer() });
	context.after(() => { server.close(); });
	const directory = mkdtempSync(join(tmpdir(), "moorline-coap-"));
	context.after(() => { rmSync(directory, { recursive: true, force: true }); });
	return {
		asked, directory,
		set: change,
		get value() { return value; },
		async ask(path, ...words) {
			const { payload, remarks } = await libcoapClient(context, ["-B", "15", ...words, `coap://127.0.0.1:${server.port}/${path}`]);
			return payload.toString() + remarks;
		},
	};
}

test("coap-client: GET, PUT, DELETE, and what there is not", limited, async context => {
	const { ask, asked } = serve(context);
	assert.match(await ask("value"), /^21\.5\n?$/);
	assert.match(await ask("value", "-N"), /^21\.5\n?$/);
	assert.match(await ask("value?unit=K&a=b"), /^21\.5\n?$/);
	assert.deepEqual((await asked.take(3)).map(({ query }) => query), [[], [], ["unit=K", "a=b"]]);
	await ask("value", "-m", "put", "-e", "22", "-t", "0");
	assert.equal(Buffer.from((await asked.next()).payload).toString(), "22");
	assert.match(await ask("value"), /^22\n?$/);
	await ask("value", "-m", "delete");
	assert.match(await ask("nothing"), /4\.04/);
	assert.match(await ask("value", "-m", "post", "-e", "1"), /4\.05/);
	assert.match(await ask("value", "-A", "50"), /4\.06/);
	assert.match(await ask("value", "-O", "2049,x"), /4\.02/);
});

test("coap-client: blocks of every size, both ways", limited, async context => {
	for (const size of BLOCK_SIZES) {
		const scene = serve(context);
		const body = pattern(3_000, size), sent = join(scene.directory, "sent"), got = join(scene.directory, "got");
		writeFileSync(sent, body);
		await scene.ask("value", "-m", "put", "-b", String(size), "-f", sent);
		sameBytes(scene.value, body);
		await scene.ask("value", "-b", String(size), "-o", got);
		sameBytes(readFileSync(got), body);
	}
});

test("coap-client: where it asks for no size, the device's own is taken", limited, async context => {
	for (const size of BLOCK_SIZES) {
		const scene = serve(context, size);
		scene.set(pattern(2_000, size));
		const got = join(scene.directory, "got");
		await scene.ask("value", "-o", got);
		sameBytes(readFileSync(got), scene.value);
	}
});

test("coap-client: a body that is too large is refused", limited, async context => {
	const scene = serve(context);
	const sent = join(scene.directory, "sent");
	writeFileSync(sent, pattern(10_000));
	assert.match(await scene.ask("value", "-m", "put", "-f", sent), /4\.13/);
	assert.equal(Buffer.from(scene.value).toString(), "21.5");
});

test("coap-client: an answer that takes its time comes by itself", limited, async context => {
	const { ask } = serve(context);
	assert.match(await ask("slow/one"), /^at last\n?$/);
});

test("coap-client: observing", limited, async context => {
	const { ask, asked, set } = serve(context);
	const heard = ask("value", "-s", "2", "-w");
	await asked.next();
	for (const value of ["22", "23"]) set(Buffer.from(value));
	// Changes that follow each other closely may be told as one; the newest is told.
	assert.match(await heard, /^21\.5\n(22\n)?23\n/);
});

test("coap-client: discovery, and filters", limited, async context => {
	const { ask } = serve(context);
	const all = await ask(".well-known/core");
	assert.match(all, /<\/value>;/);
	assert.match(all, /<\/slow\/one>/);
	assert.match(all, /rt="temperature celsius"/);
	assert.match(all, /;obs/);
	for (const [query, hasValue, hasSlow] of [
		["rt=temperature", true, false], ["rt=celsius", true, false], ["rt=temp*", true, false], ["rt=cel*", true, false],
		["rt=*", true, true], ["rt=pressure", false, false], ["rt=temp", false, false],
		["if=sensor", true, false], ["if=s*", true, true], ["if=sett*", false, true],
		["sz=2000", true, false], ["sz=*", true, true], ["sz=7", false, true],
		["href=/value", true, false], ["href=/slow", false, false], ["href=/slow*", false, true], ["href=/*", true, true],
		["ct=0", true, false], ["ct=50", false, false],
	] as const) {
		const some = await ask(`.well-known/core?${query}`);
		assert.equal(some.includes("</value>"), hasValue, query);
		assert.equal(some.includes("</slow/one>"), hasSlow, query);
	}
});

test("coap-client: through losses of the client", limited, async context => {
	const { ask, value } = serve(context);
	assert.equal((await ask("value", "-l", "1")).trim(), Buffer.from(value).toString());
	await ask("value", "-m", "put", "-b", "64", "-e", "x".repeat(300), "-l", "2,4");
	assert.equal((await ask("value")).trim(), "x".repeat(300));
});
