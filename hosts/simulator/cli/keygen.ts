// SPDX-License-Identifier: Apache-2.0
/** `moorline keygen`: a key that releases are signed with. */
import { rm } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { ReleaseAlgorithm } from "../../release/index.js";
import { Console } from "./console.js";
import { writeBytes } from "./release-files.js";

interface KeygenOptions {
	algorithm: ReleaseAlgorithm;
	out: string;
	json?: boolean;
	verbose?: boolean;
}

export function addKeygen(program: Command): void {
	program.command("keygen")
		.description("Make a key that releases are signed with, and print the text by which a program trusts it.")
		.addOption(new Option("--algorithm <algorithm>", "ES256: P-256, which every device verifies; EdDSA: Ed25519").choices(["ES256", "EdDSA"]).default("ES256"))
		.requiredOption("--out <file>", "the private key, PEM; the public one goes to a file of the same name with .pub.pem. Nothing is overwritten")
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from")
		.action(keygen);
}

async function keygen({ algorithm, out, ...options }: KeygenOptions): Promise<void> {
	const { generateReleaseKey } = await import("../../release/index.js");
	const { id, privateKey, publicKey, text } = generateReleaseKey({ algorithm });
	const keyId = Buffer.from(id).toString("hex");
	const publicFile = `${out.replace(/\.pem$/, "")}.pub.pem`;
	await writeBytes(publicFile, publicKey, { flag: "wx" });
	try {
		await writeBytes(out, privateKey, { flag: "wx", mode: 0o600 });
	} catch (error) {
		await rm(publicFile);
		throw error;
	}
	const lines = [
		`key ${keyId}, ${algorithm}`,
		`  private: ${out}. Whoever has it can sign for all of your devices`,
		`  public: ${publicFile}`,
		`  for the program: firmware: { keys: [${JSON.stringify(text)}] }`,
	];
	new Console(options).say("key", { id: keyId, algorithm, privateKey: out, publicKey: publicFile, text }, lines.join("\n"));
}
