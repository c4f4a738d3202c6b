// SPDX-License-Identifier: Apache-2.0
/** An update by hand, with the commands of the README: a key, a release, a cloud that offers it, and a lamp with images. */
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Command, type Event, moorline, Place, UPDATE } from "./command.js";
import { assertNoSecrets, assertReplays } from "./replays.js";

const TIMEOUT = 120_000;

/** The example in a place of its own, where its product can be changed. */
class Product {
	readonly #context: TestContext;
	readonly #place: Place;

	private constructor(context: TestContext, place: Place) {
		this.#context = context;
		this.#place = place;
	}

	static async make(context: TestContext, place: Place): Promise<Product> {
		const product = new Product(context, place);
		await cp(UPDATE, join(place.path, "update"), { recursive: true });
		const [{ text }] = await product.#command("keygen", "--out", "release.pem") as [{ text: string } & Event];
		await product.#change("= []", `= ${JSON.stringify([text])}`);
		return product;
	}

	/** @returns the release's file */
	async release(version: string, mistake = ""): Promise<string> {
		await this.#change(/version: string = .*/, `version: string = "${version}";${mistake}`);
		const out = `lamp-${version}.mrl`;
		await this.#command("release", "--product", "lamp", "--version", version, "--counter", "0", "--program", "update", "--key", "release.pem", "--out", out);
		return out;
	}

	/** `simulate` where the lamp finds it again. */
	simulate(port: unknown, ...words: string[]): Command {
		return moorline(this.#context, this.#place, "simulate", "--json", "--port", "0", "--tls-port", String(port), "--device", "lamp-1", ...words);
	}

	/** The lamp, as its cloud has introduced it. */
	async run(cloud: Command, ...words: string[]): Promise<Command> {
		const [{ endpoint, ca }, { cert, key }] = await Promise.all([cloud.event("broker"), cloud.event("device")]);
		const identity = Object.entries({ broker: endpoint, ca, cert, key }).flatMap(([name, value]) => [`--${name}`, String(value)]);
		return moorline(this.#context, this.#place, "run", "update", "--directory", "lamp", ...identity, ...words);
	}

	/** To AWS, by one import. */
	async move(): Promise<void> {
		await this.#change(/import .* from "moorline\/clouds\/private";/, `import { aws } from "moorline/clouds/aws";`, "main.ts");
		await this.#change("privateCloud()", "aws()", "main.ts");
	}

	async #change(from: string | RegExp, to: string, name = "product.ts"): Promise<void> {
		const file = join(this.#place.path, "update", name);
		const text = await readFile(file, "utf8"), changed = text.replace(from, to);
		assert.notEqual(changed, text);
		await writeFile(file, changed);
	}

	async #command(...words: string[]): Promise<Event[]> {
		const command = moorline(this.#context, this.#place, ...words, "--json");
		assert.deepEqual(await command.ended, { code: 0, signal: null }, command.stdout.join("\n"));
		return command.stdout.map(line => JSON.parse(line) as Event);
	}
}

/** Before their place is removed: they write to it. */
async function end(...commands: Command[]): Promise<void> {
	for (const command of commands) {
		command.kill("SIGINT");
		assert.deepEqual(await command.ended, { code: 0, signal: null });
	}
}

test("a lamp is updated, and what crashes is left; the image outlives the run", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context), product = await Product.make(context, place);
	const first = product.simulate(0), lamp = await product.run(first, "--images", "--record", "lamp.rec");
	await lamp.line(line => line === "lamp-1: firmware 1.0.0");
	const { tlsPort } = await first.event("broker");
	first.signal("SIGINT");
	await first.ended;
	const good = await product.release("2.0.0"), bad = await product.release("3.0.0", " throw new Error('a mistake');");
	const second = product.simulate(tlsPort, "--offer", good, "--offer", bad);
	const [offer, next] = await Promise.all(["2.0.0", "3.0.0"].map(version => {
		return second.event("offer", ({ manifest }) => (manifest as { version: string }).version === version);
	}));
	assert.match(String(offer!["job"]), /^update-[0-9a-f]{8}$/);
	assert.deepEqual(offer!["devices"], ["lamp-1"]);
	const done = await second.event("job", ({ job, status }) => job === offer!["job"] && status !== "IN_PROGRESS");
	assert.deepEqual(done, {
		event: "job", device: "lamp-1", job: offer!["job"], status: "SUCCEEDED", details: { update: "done", version: "2.0.0" },
	});
	const failed = await second.event("job", ({ job, status }) => job === next!["job"] && status !== "IN_PROGRESS");
	assert.deepEqual(failed["details"], { update: "failed", version: "2.0.0", reason: "crashed" });
	assert.deepEqual(lamp.stdout.filter(line => line.includes("firmware")), [
		"lamp-1: firmware 1.0.0", "lamp-1: firmware 2.0.0, on trial", "lamp-1: firmware 2.0.0",
	]);
	assert.deepEqual(lamp.stderr.filter(line => line.startsWith("the device")), ["the device restarts: software", "the device restarts: software", "the device restarts: exception"]);
	await end(lamp);
	// Four programs in one recording, one of them no good.
	await assertReplays(place, "lamp.rec", lamp.stdout);
	await assertNoSecrets(place, "lamp.rec", "lamp");
	// The program that is named is the factory's alone.
	const again = await product.run(second, "--images");
	await again.line(line => line === "lamp-1: firmware 2.0.0");
	await end(again, second);
});

test("the same lamp is updated from AWS", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context), product = await Product.make(context, place);
	await product.move();
	const good = await product.release("2.0.0");
	await product.release("1.0.0");
	const cloud = product.simulate(0, "--cloud", "aws", "--offer", good), lamp = await product.run(cloud, "--images");
	const { job } = await cloud.event("offer");
	const done = await cloud.event("job", ({ status }) => status !== "IN_PROGRESS");
	assert.deepEqual(done, { event: "job", device: "lamp-1", job, status: "SUCCEEDED", details: { update: "done", version: "2.0.0" } });
	assert.deepEqual(lamp.stdout.filter(line => line.includes("firmware")), ["lamp-1: firmware 1.0.0", "lamp-1: firmware 2.0.0, on trial"]);
	await end(lamp, cloud);
});

test("a release is offered to devices that are named, and it is one", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	await writeFile(join(place.path, "none.mrl"), "no release");
	const cases: [words: string[], code: number, message: RegExp][] = [
		[["--offer", "none.mrl"], 2, /^moorline: argument: --offer needs --device$/],
		[["--offer", "none.mrl", "--device", "lamp-1"], 1, /^moorline: malformed: /],
		[["--offer", "missing.mrl", "--device", "lamp-1"], 1, /^moorline: storage: cannot read missing\.mrl: ENOENT$/],
	];
	for (const [words, code, message] of cases) {
		const command = moorline(context, place, "simulate", "--port", "0", "--tls-port", "0", ...words);
		assert.deepEqual(await command.ended, { code, signal: null });
		assert.match(command.stderr.join("\n"), message);
	}
	const world = moorline(context, place, "run", UPDATE, "--host", "world", "--images");
	assert.deepEqual(await world.ended, { code: 2, signal: null });
});
