// SPDX-License-Identifier: Apache-2.0
/** The commands for releases: from a key and a build to a file that devices take, and no word about the key. */
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { generateReleaseKey, parseReleaseKey, readManifest } from "../../hosts/release/index.js";
import { noise, touched } from "../release/contents.js";
import { type Command, type Event, moorline, Place } from "./command.js";

const TIMEOUT = 120_000;
const IMAGE = noise(200_000, 1);
const LAMP = ["--product", "lamp", "--version", "1.4.3", "--counter", "7"] as const;

/** Runs a command that has to go well. */
async function run(context: TestContext, place: Place, ...words: readonly string[]): Promise<Command> {
	const command = moorline(context, place, ...words);
	assert.deepEqual(await command.ended, { code: 0, signal: null }, command.stderr.join("\n"));
	return command;
}

/** Runs a command that has to end with `code`. @returns all that it said */
async function fail(context: TestContext, place: Place, code: number, ...words: readonly string[]): Promise<string> {
	const command = moorline(context, place, ...words);
	assert.deepEqual(await command.ended, { code, signal: null }, words.join(" "));
	assert.equal(command.stderr.length, 1, command.stderr.join("\n"));
	assert.deepEqual(command.stdout, []);
	return command.stderr[0]!;
}

async function said(context: TestContext, place: Place, event: string, ...words: readonly string[]): Promise<Event> {
	return (await run(context, place, ...words, "--json")).event(event);
}

/** A place with a key, an image and an older one. */
async function makePlace(context: TestContext): Promise<Place & { key: Event }> {
	const place = await Place.make(context);
	await writeFile(join(place.path, "image.bin"), IMAGE);
	await writeFile(join(place.path, "old.bin"), touched(IMAGE, 30));
	await writeFile(join(place.path, "rules.xsa"), noise(5_000, 2));
	await writeFile(join(place.path, "logo.png"), noise(100, 3));
	return Object.assign(place, { key: await said(context, place, "key", "keygen", "--out", "key.pem") });
}

test("keygen writes two files, prints what a program needs, and overwrites neither", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = await run(context, place, "keygen", "--out", "release.pem");
	const secret = await readFile(join(place.path, "release.pem"), "utf8");
	assert.match(secret, /^-----BEGIN PRIVATE KEY-----\n/);
	assert.equal((await stat(join(place.path, "release.pem"))).mode & 0o777, 0o600);
	assert.match(await readFile(join(place.path, "release.pub.pem"), "utf8"), /^-----BEGIN PUBLIC KEY-----\n/);
	const [, id, literal] = /^key ([0-9a-f]{16}), ES256\n[^]*firmware: \{ keys: \[("[^"]+")\] \}$/.exec(command.stdout.join("\n"))!;
	assert.equal(Buffer.from(parseReleaseKey(JSON.parse(literal!) as string).id).toString("hex"), id);
	assert.ok(!command.stdout.join("").includes(secret.split("\n")[1]!.slice(0, 20)));

	assert.match(await fail(context, place, 1, "keygen", "--out", "release.pem"), /^moorline: storage: cannot write release\.pub\.pem: EEXIST$/);
	await writeFile(join(place.path, "other"), "mine");
	assert.match(await fail(context, place, 1, "keygen", "--out", "other"), /^moorline: storage: cannot write other: EEXIST$/);
	assert.equal(await readFile(join(place.path, "other"), "utf8"), "mine");
	assert.equal(await readFile(join(place.path, "release.pem"), "utf8"), secret);
	assert.deepEqual((await readFile(join(place.path, "other.pub.pem")).catch(error => error.code)), "ENOENT");

	const { algorithm, text } = await said(context, place, "key", "keygen", "--algorithm", "EdDSA", "--out", "second");
	assert.equal(algorithm, "EdDSA");
	assert.equal(parseReleaseKey(text as string).algorithm, "EdDSA");
});

test("release makes a file of a build, with all that can be said, and verify takes it", { timeout: TIMEOUT }, async context => {
	const place = await makePlace(context);
	await run(context, place, "release", "--product", "lamp", "--version", "1.4.2", "--counter", "7", "--image", "old.bin", "--mod", "rules=logo.png", "--key", "key.pem", "--out", "old.mrl");
	const words = [
		"release", ...LAMP, "--image", "image.bin", "--mod", "rules=rules.xsa", "--data", "logo=logo.png", "--from", "old.mrl", "--requires", "rules=rules-1",
		"--hardware", "lamp-a", "--hardware", "lamp-b", "--minimum", "1.4.0", "--expires", "2099-12-31", "--revoke", "00112233", "--revoke", "44556677",
		"--key", "key.pem", "--out", "lamp.mrl",
	];
	const command = await run(context, place, ...words, "--json");
	const { manifest, key } = await command.event("release");
	assert.equal(key, place.key["id"]);
	// From five hundred bytes to five thousand there is no patch that saves anything.
	const left = await command.event("no-patch");
	assert.deepEqual([left["component"], left["from"]], ["rules", "old.mrl"]);
	assert.deepEqual(command.stderr, []);

	const read = readManifest(new Uint8Array(await readFile(join(place.path, "lamp.mrl"))));
	const { product, version, counter, hardware, minimum, expires, revoked, components } = read;
	assert.deepEqual({ product, version, counter, hardware, minimum, expires, revoked: revoked.map(id => Buffer.from(id).toString("hex")) }, {
		product: "lamp", version: "1.4.3", counter: 7, hardware: ["lamp-a", "lamp-b"], minimum: "1.4.0",
		expires: Date.UTC(2099, 11, 31, 23, 59, 59) / 1_000, revoked: ["00112233", "44556677"],
	});
	assert.deepEqual(components.map(({ name, kind, requires, payloads }) => [name, kind, requires, payloads.map(({ kind }) => kind).join()]), [
		["main", "image", "", "patch,full"], ["rules", "mod", "rules-1", "full"], ["logo", "data", "", "full"],
	]);

	const verified = await said(context, place, "verified", "verify", "lamp.mrl", "--key", "key.pub.pem");
	assert.deepEqual(verified["manifest"], manifest);
	assert.deepEqual([verified["key"], verified["algorithm"]], [place.key["id"], "ES256"]);
	assert.equal((verified["unfollowed"] as string[]).length, 1);
	for (const from of ["old.mrl", "old.bin"]) {
		const followed = await said(context, place, "verified", "verify", "lamp.mrl", "--key", place.key["text"] as string, "--from", from);
		assert.deepEqual(followed["unfollowed"], []);
	}
	assert.deepEqual(await place.left(), []);
});

test("what people read says sizes, of patches in percent, and no key", { timeout: TIMEOUT }, async context => {
	const place = await makePlace(context);
	const words = ["release", ...LAMP, "--image", "image.bin", "--from", "old.bin", "--expires", "2099-12-31T12:00:00Z", "--key", "key.pem", "--out", "lamp.mrl"];
	const made = (await run(context, place, ...words)).stdout.join("\n");
	assert.match(made, /^lamp\.mrl: signed with key [0-9a-f]{16}\nlamp 1\.4\.3, counter 7, until 2099-12-31T12:00:00\.000Z, [\d,]+ bytes\n {2}main: image of 200,000 bytes, SHA-256 /);
	assert.match(made, /\n {4}patch: [\d,]+ bytes \(\d\.\d %\) from SHA-256 [0-9a-f]{64}\n {4}full: 200,000 bytes$/);
	const verified = (await run(context, place, "verify", "lamp.mrl", "--key", "key.pub.pem")).stdout.join("\n");
	assert.match(verified, /^lamp\.mrl: signed with key [0-9a-f]{16}, ES256\nlamp 1\.4\.3, [^]*not followed, for want of its base: the patch from SHA-256 /);
	const secret = (await readFile(join(place.path, "key.pem"), "utf8")).split("\n")[1]!.slice(0, 20);
	assert.ok(!`${made}${verified}`.includes(secret));
});

test("verify ends with 1 and a code for what no device would take", { timeout: TIMEOUT }, async context => {
	const place = await makePlace(context);
	const { publicKey } = generateReleaseKey();
	await writeFile(join(place.path, "stranger.pem"), publicKey);
	await run(context, place, "release", ...LAMP, "--image", "image.bin", "--key", "key.pem", "--out", "lamp.mrl");
	await run(context, place, "release", ...LAMP, "--image", "image.bin", "--key", "key.pem", "--out", "past.mrl", "--expires", "2020-01-01");
	const file = await readFile(join(place.path, "lamp.mrl"));
	const wrong = async (name: string, change: (copy: Buffer) => Buffer): Promise<string> => {
		await writeFile(join(place.path, name), change(Buffer.from(file)));
		return fail(context, place, 1, "verify", name, "--key", "key.pub.pem");
	};
	const flip = (at: number) => (copy: Buffer): Buffer => {
		copy[at]! ^= 1;
		return copy;
	};
	assert.match(await fail(context, place, 1, "verify", "lamp.mrl", "--key", "stranger.pem"), /^moorline: credential: /);
	assert.match(await fail(context, place, 1, "verify", "past.mrl", "--key", "key.pub.pem"), /^moorline: version: .*expired/);
	assert.match(await wrong("manifest.mrl", flip(200)), /^moorline: (signature|malformed): /);
	assert.match(await wrong("content.mrl", flip(50_000)), /^moorline: digest: .*main/);
	assert.match(await wrong("cut.mrl", copy => copy.subarray(0, -1)), /^moorline: malformed: /);
	assert.match(await wrong("none.mrl", () => Buffer.from("hello")), /^moorline: malformed: /);
	const object = moorline(context, place, "verify", "none.mrl", "--key", "key.pub.pem", "--json");
	assert.equal((await object.ended).code, 1);
	assert.equal((await object.event("error")).code, "malformed");
});

test("a release may be made without the key, and signed where the key is", { timeout: TIMEOUT }, async context => {
	const place = await makePlace(context);
	await run(context, place, "keygen", "--algorithm", "EdDSA", "--out", "second.pem");
	const made = await said(context, place, "release", "release", ...LAMP, "--image", "image.bin", "--unsigned", "--out", "unsigned.mrl");
	assert.equal(made["key"], null);
	assert.match(await fail(context, place, 1, "verify", "unsigned.mrl", "--key", "key.pub.pem"), /^moorline: malformed: /);
	const signed = await said(context, place, "signed", "sign", "unsigned.mrl", "--key", "key.pem", "--out", "signed.mrl");
	assert.deepEqual([signed["key"], signed["manifest"]], [place.key["id"], made["manifest"]]);
	await run(context, place, "verify", "signed.mrl", "--key", "key.pub.pem");
	await run(context, place, "sign", "signed.mrl", "--key", "second.pem", "--out", "again.mrl");
	await run(context, place, "verify", "again.mrl", "--key", "key.pub.pem", "--key", "second.pub.pem");
	assert.match(await fail(context, place, 1, "verify", "again.mrl", "--key", "key.pub.pem"), /^moorline: credential: /);
	assert.match(await fail(context, place, 1, "sign", "image.bin", "--key", "key.pem", "--out", "none.mrl"), /^moorline: malformed: /);
	await writeFile(join(place.path, "damaged.mrl"), (await readFile(join(place.path, "unsigned.mrl"))).fill(0, 9_000, 9_100));
	assert.match(await fail(context, place, 1, "sign", "damaged.mrl", "--key", "key.pem", "--out", "none.mrl"), /^moorline: digest: /);
	await assert.rejects(stat(join(place.path, "none.mrl")), { code: "ENOENT" });
});

test("release makes the emulated boot loader's image of a program, the same each time", { timeout: TIMEOUT }, async context => {
	const place = await makePlace(context);
	await writeFile(join(place.path, "main.ts"), `const text: string = "hello";\nconsole.log(text);\n`);
	const release = async (out: string): Promise<Buffer> => {
		await run(context, place, "release", ...LAMP, "--program", ".", "--key", "key.pem", "--out", out);
		return readFile(join(place.path, out));
	};
	const [one, other] = [await release("one.mrl"), await release("other.mrl")];
	assert.deepEqual(one.subarray(4_096), other.subarray(4_096));
	const image = one.subarray(4_096, 4_096 + readManifest(new Uint8Array(one)).components[0]!.size);
	assert.equal(image.toString("latin1", 0, 4), "MIMG");
	const script = image.toString("utf8", 16, image.byteLength - 32);
	assert.ok(script.includes("hello"));
	assert.ok(!script.includes("sourceMappingURL"));
});

test("keys and files that are none are failures, and nothing is written", { timeout: TIMEOUT }, async context => {
	const place = await makePlace(context);
	const secret = await readFile(join(place.path, "key.pem"), "utf8");
	await writeFile(join(place.path, "bad.pem"), secret.replace(/.{10}\n-----END/, "\n-----END"));
	const words = ["release", ...LAMP, "--out", "out.mrl", "--image"] as const;
	const failures: [words: string[], says: RegExp][] = [
		[[...words, "image.bin", "--key", "missing.pem"], /^moorline: storage: cannot read missing\.pem: ENOENT$/],
		[[...words, "image.bin", "--key", "bad.pem"], /^moorline: credential: no private key in PEM/],
		[[...words, "image.bin", "--key", "key.pub.pem"], /^moorline: credential: no private key in PEM/],
		[[...words, "missing.bin", "--key", "key.pem"], /^moorline: storage: cannot read missing\.bin: ENOENT$/],
		[[...words, "image.bin", "--key", "key.pem", "--from", "missing.mrl"], /^moorline: storage: cannot read missing\.mrl/],
		[[...words, "image.bin", "--key", "key.pem", "--minimum", "1"], /^moorline: argument: minimum "1" is none of SemVer/],
		[["verify", "image.bin", "--key", "key.pem"], /^moorline: credential: a private key where/],
		[["verify", "image.bin", "--key", "es256:00"], /^moorline: credential: /],
		[["keygen", "--out", "missing/key.pem"], /^moorline: storage: cannot write missing\/key\.pub\.pem: ENOENT$/],
	];
	for (const [words, says] of failures) {
		const line = await fail(context, place, 1, ...words);
		assert.match(line, says);
		assert.ok(!line.includes(secret.split("\n")[1]!.slice(0, 12)));
	}
	await assert.rejects(stat(join(place.path, "out.mrl")), { code: "ENOENT" });
});

test("wrong command lines end with 2", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const release = ["release", ...LAMP, "--out", "out.mrl"] as const;
	const mistakes: [words: string[], says: RegExp][] = [
		[["keygen"], /required option '--out/],
		[["keygen", "--algorithm", "RSA", "--out", "key.pem"], /Allowed choices are ES256, EdDSA/],
		[["release", "--image", "a"], /required option '--product/],
		[[...release, "--image", "a"], /one of --key and --unsigned is needed/],
		[[...release, "--unsigned"], /one of --image, --program, --mod and --data is needed/],
		[[...release, "--unsigned", "--image", "a", "--key", "k"], /cannot be used with/],
		[[...release, "--unsigned", "--image", "a", "--program", "k"], /cannot be used with/],
		[[...release, "--counter", "-1"], /Expected a whole number/],
		[[...release, "--counter", "4294967296"], /Expected a whole number/],
		[[...release, "--mod", "rules"], /Expected NAME=VALUE/],
		[[...release, "--mod", "Rules=a"], /Expected NAME=VALUE/],
		[[...release, "--mod", "rules=a", "--mod", "rules=b"], /rules is there already/],
		[[...release, "--expires", "soon"], /Expected a date/],
		[[...release, "--expires", "2030-13-01"], /Expected a date/],
		[[...release, "--revoke", "xyz"], /Expected the identifier/],
		[["sign", "a.mrl", "--key", "k"], /required option '--out/],
		[["verify", "a.mrl"], /required option '--key/],
		[["verify", "--key", "k"], /missing required argument 'release'/],
	];
	for (const [words, says] of mistakes) assert.match(await fail(context, place, 2, ...words), says, words.join(" "));
	await writeFile(join(place.path, "a"), "a");
	for (const words of [["--key", "out.mrl", "--image", "a"], ["--unsigned", "--data", "a=./out.mrl"], ["--unsigned", "--image", "a", "--from", "out.mrl"]]) {
		assert.match(await fail(context, place, 2, ...release, ...words), /--out out\.mrl would overwrite/);
	}
	assert.match(await fail(context, place, 2, "sign", "a.mrl", "--key", "key", "--out", "./key"), /--out \.\/key would overwrite/);
	assert.match(await fail(context, place, 2, ...release, "--unsigned", "--image", "a", "--requires", "rules=x"), /there is no component rules/);
	for (const name of ["keygen", "release", "sign", "verify"]) assert.match((await run(context, place, name, "--help")).stdout.join("\n"), /Exit codes:/);
});

test("the options in the README's commands exist", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const readme = (await readFile(new URL("../../../README.md", import.meta.url), "utf8")).replaceAll("\\\n", " ").split("\n");
	for (const name of ["keygen", "release", "verify"]) {
		const help = (await run(context, place, name, "--help")).stdout.join("\n");
		const lines = readme.filter(line => line.startsWith(`npx moorline ${name} `));
		assert.ok(lines.length > 0, name);
		for (const [option] of lines.join("\n").matchAll(/--[a-z-]+/g)) assert.ok(help.includes(` ${option} `), option);
	}
});
