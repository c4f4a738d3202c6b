// SPDX-License-Identifier: Apache-2.0
/** The door to a running cloud: who may come in, what is answered, and one cloud for a directory. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { DeviceError } from "../../src/base/error.js";
import { ask } from "../../hosts/simulator/control/client.js";
import { readPlace } from "../../hosts/simulator/control/place.js";
import { type Act, type ControlServer, openControl, type Reply } from "../../hosts/simulator/control/server.js";

async function open(context: TestContext, act?: Act): Promise<{ control: ControlServer; directory: string; place: { port: number; token: string } }> {
	const directory = mkdtempSync(join(tmpdir(), "moorline-control-"));
	context.after(() => { rmSync(directory, { recursive: true, force: true }); });
	const control = await openControl(directory);
	context.after(() => control.close());
	if (act !== undefined) control.serve(act);
	return { control, directory, place: readPlace(directory)! };
}

/** @returns the status and the refusal's code */
function send(port: number, { method = "POST", path = "/echo", body = "{}", token = "" }): Promise<string> {
	return new Promise((resolve, reject) => {
		const asked = request({ host: "127.0.0.1", port, method, path, agent: false, headers: { authorization: `Bearer ${token}` } }, response => {
			let text = "";
			response.setEncoding("utf8").on("data", (chunk: string) => { text += chunk; });
			response.on("end", () => { resolve(`${response.statusCode} ${(JSON.parse(text) as { error?: { code: string } }).error?.code}`); });
		});
		asked.on("error", reject);
		asked.end(body);
	});
}

suite("Control", () => {
	test("only who knows the token is heard; what is no request is refused", async context => {
		const heard: unknown[] = [];
		const { place: { port, token } } = await open(context, (action, body, reply) => {
			heard.push([action, { ...body }]);
			reply.end();
		});
		assert.equal(await send(port, {}), "401 credential");
		assert.equal(await send(port, { token: token.slice(1) }), "401 credential");
		assert.equal(await send(port, { token: "0".repeat(64) }), "401 credential");
		assert.equal(await send(port, { token, method: "GET" }), "404 argument");
		assert.equal(await send(port, { token, path: "/../../etc" }), "404 argument");
		assert.equal(await send(port, { token, body: "[1]" }), "400 argument");
		assert.equal(await send(port, { token, body: "{" }), "400 argument");
		assert.equal(await send(port, { token, body: `{"a":"${"x".repeat(70_000)}"}` }), "400 argument");
		assert.deepEqual(heard, []);
		await ask({ port, token }, "echo", { a: 1 }, () => undefined);
		assert.deepEqual(heard, [["echo", { a: 1 }]]);
	});

	test("says things one by one, refuses by code, and ends with the cloud", async context => {
		let follower: Reply | undefined;
		const { control, place } = await open(context, (action, _body, reply) => {
			if (action === "refuse") throw new DeviceError("full", "no room");
			if (action === "break") throw new TypeError("a mistake");
			reply.say({ n: 1 });
			if (action === "follow") follower = reply;
			else reply.end();
		});
		await assert.rejects(ask(place, "refuse", {}, () => undefined), { code: "full", message: "no room" });
		await assert.rejects(ask(place, "break", {}, () => undefined), { code: "internal" });
		const items: unknown[] = [], stop = new AbortController();
		let isGone = false;
		await ask(place, "follow", {}, (item: { n: number }) => {
			items.push(item);
			follower!.onGone = () => { isGone = true; };
			if (item.n === 1) follower!.say({ n: 2, text: "two\nlines" });
			else stop.abort();
		}, stop.signal);
		assert.deepEqual(items, [{ n: 1 }, { n: 2, text: "two\nlines" }]);
		await ask(place, "hello", {}, () => undefined);
		assert.ok(isGone);
		await assert.rejects(ask(place, "follow", {}, () => { void control.close(); }), { code: "closed" });
		await assert.rejects(ask(place, "hello", {}, () => undefined), { code: "unreachable" });
	});

	test("before there is a cloud nothing can be asked of it", async context => {
		const { place } = await open(context);
		await assert.rejects(ask(place, "devices", {}, () => undefined), { code: "state" });
	});

	test("a directory has one cloud; what a killed one left is recognised, whatever it is", async context => {
		const { control, directory, place } = await open(context);
		await assert.rejects(openControl(directory), { code: "state", message: new RegExp(`already: process ${process.pid}$`) });
		assert.deepEqual(readPlace(directory), { pid: process.pid, ...place });
		await control.close();
		assert.equal(existsSync(join(directory, "control.json")), false);
		for (const left of ["", "{", JSON.stringify({ pid: 1, port: place.port, token: "0".repeat(64) }), "[]"]) {
			writeFileSync(join(directory, "control.json"), left);
			const next = await openControl(directory);
			await ask(readPlace(directory)!, "hello", {}, () => undefined);
			await next.close();
		}
		assert.deepEqual(readdirSync(directory), []);
	});

	test("of clouds that begin at once on what a killed one left, one has the directory", async context => {
		const { control, directory } = await open(context);
		await control.close();
		writeFileSync(join(directory, "control.json"), "stale");
		const begun = await Promise.allSettled([1, 2, 3, 4].map(() => openControl(directory)));
		const open4 = begun.flatMap(each => each.status === "fulfilled" ? [each.value] : []);
		assert.equal(open4.length, 1);
		for (const each of begun) if (each.status === "rejected") assert.equal((each.reason as DeviceError).code, "state");
		assert.match(readFileSync(join(directory, "control.json"), "utf8"), /"token"/);
		await open4[0]!.close();
		assert.deepEqual(readdirSync(directory), []);
	});
});
