// SPDX-License-Identifier: Apache-2.0
/**
 * Signatures of both kinds, made by Node and by those who collect awkward ones, verified in Moddable's simulator on Linux.
 *
 * Run it with `node dist/test/moddable/signatures/run.js`; simulator.ts says what that needs.
 */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import p256 from "../../vectors/ecdsa-p256-wycheproof.json" with { type: "json" };
import edwards from "../../vectors/ed25519-wycheproof.json" with { type: "json" };
import { simulate } from "../simulator.js";
import type { Case } from "./main.js";

type Row = [number: number, comment: string, message: string, signature: string, result: string];

const SOURCE = resolve(dirname(fileURLToPath(import.meta.url)), "../../../../test/moddable/signatures");
/** Of each kind, by Node. */
const MADE = 20;
const POINT_LENGTH = 65;
const EDWARDS_LENGTH = 32;

const cases: Case[] = [];
const expected = new Map<string, string>();

function add(kind: Case["kind"], what: string, key: string, message: string, signature: string, result: string): void {
	const name = `${kind} ${what}`;
	cases.push({ name, kind, key, message, signature });
	expected.set(name, result);
}

function publicHex(key: KeyObject, length: number): string {
	return key.export({ format: "der", type: "spki" }).subarray(-length).toString("hex");
}

/** Another last bit. */
function alter(hex: string): string {
	const bytes = Buffer.from(hex, "hex");
	bytes[bytes.byteLength - 1]! ^= 1;
	return bytes.toString("hex");
}

for (let index = 0; index < MADE; index++) {
	const message = Buffer.alloc(50 * index, index), text = message.toString("hex");
	const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" }), ed = generateKeyPairSync("ed25519");
	const point = publicHex(ec.publicKey, POINT_LENGTH), edKey = publicHex(ed.publicKey, EDWARDS_LENGTH);
	const ecdsa = sign("sha256", message, { key: ec.privateKey, dsaEncoding: "ieee-p1363" }).toString("hex");
	const eddsa = sign(null, message, ed.privateKey).toString("hex");
	add("ES256", `made ${index}`, point, text, ecdsa, "valid");
	add("ES256", `altered ${index}`, point, text, alter(ecdsa), "invalid");
	add("ES256", `of another message ${index}`, point, `${text}00`, ecdsa, "invalid");
	add("ES256", `off the curve ${index}`, alter(point), text, ecdsa, "credential");
	add("EdDSA", `made ${index}`, edKey, text, eddsa, "valid");
	add("EdDSA", `altered ${index}`, edKey, text, alter(eddsa), "invalid");
	add("EdDSA", `of another message ${index}`, edKey, `${text}00`, eddsa, "invalid");
}
for (const [kind, groups] of [["ES256", p256], ["EdDSA", edwards]] as const) {
	for (const { key, rows } of groups) {
		for (const [number, , message, signature, result] of rows as unknown as Row[]) {
			add(kind, `Wycheproof ${number}`, key, message, signature, result);
		}
	}
}

const directory = mkdtempSync(join(tmpdir(), "moorline-"));
const store = join(directory, "storage", "signatures");
mkdirSync(store, { recursive: true });
for (const [index, one] of cases.entries()) writeFileSync(join(store, String(index)), JSON.stringify(one));
let wrong = 0, right = 0;
await simulate(SOURCE, directory, line => {
	const [, name, result] = /case (.*) \| (.*)/.exec(line) ?? [];
	if (name !== undefined && expected.get(name) === result) right++;
	else if (name !== undefined) {
		wrong++;
		console.log(`WRONG ${name}: ${result}, not ${expected.get(name)}`);
	}
	if (/took/.test(line)) console.log(line);
	return line.includes("signatures done");
});
rmSync(directory, { recursive: true });
console.log(`${right} of ${expected.size} as expected, ${wrong} not`);
process.exit(right === expected.size ? 0 : 1);
