// SPDX-License-Identifier: Apache-2.0
/**
 * Who makes the lamps and their firmware: has the key that releases are signed with, and all versions out of one program.
 *
 * What `moorline keygen` and `moorline release` do by hand. A version is the program with another `product.ts` beside it.
 */
import { randomBytes } from "node:crypto";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { wrapImage } from "../../boot/index.js";
import { crypto } from "../../node/digest.js";
import { createRelease, generateReleaseKey, hex, type Manifest, verifyRelease } from "../../release/index.js";
import { bundleWithMap } from "../cli/bundle.js";
import { findProgram } from "../cli/program.js";

export interface Version {
	readonly name: string;
	/** The program as one script. */
	readonly script: Uint8Array;
	/** What leads from the script to the sources. */
	readonly map: string;
}

const PRODUCT = "lamp";
/** As in the program itself. */
export const BLINK = "export const blinkTime = (_done: number): number => 100;";
/** Bytes of a program: as many as the firmware of a chip has, so that downloads are what they are there. */
const LENGTH = 1_200_000;

export class Maker {
	readonly #key = generateReleaseKey();
	readonly #program: string;
	readonly #directory: string;
	/** What the program is filled up with, the same in all versions. */
	readonly #filling = randomBytes(LENGTH).toString("base64");

	/** @param program the folder of it @param directory where versions are built */
	constructor(program: string, directory: string) {
		this.#program = program;
		this.#directory = directory;
	}

	/** What signatures are known by. */
	get keyId(): string {
		return hex(this.#key.id);
	}

	/** @param rest what this version has in its constants beside its name and its keys */
	async build(name: string, rest = BLINK): Promise<Version> {
		const folder = join(this.#directory, name);
		await cp(this.#program, folder, { recursive: true });
		const constants = { version: name, keys: [this.#key.text] };
		const lines = Object.entries(constants).map(([constant, value]) => `export const ${constant} = ${JSON.stringify(value)};\n`);
		await writeFile(join(folder, "product.ts"), `${lines.join("")}${rest}\n`);
		const { script, map } = await bundleWithMap(await findProgram(folder), { format: "esm" });
		return { name, map, script: Buffer.from(`${script}\n// ${this.#filling}`.slice(0, LENGTH)) };
	}

	/** @param base what a patch is made from; absent: the release has the whole image alone */
	async release(version: Version, base?: Version): Promise<{ file: Uint8Array; manifest: Manifest }> {
		const { name } = version;
		const bases = base === undefined ? [] : [imageOf(base)];
		const { file } = createRelease({
			product: PRODUCT, version: name, counter: 0, key: this.#key.privateKey,
			components: [{ name: "main", kind: "image", content: imageOf(version), bases }],
		});
		const { manifest } = await verifyRelease(file, [this.#key], { bases });
		return { file, manifest };
	}
}

function imageOf({ script }: Version): Uint8Array {
	return wrapImage(script, crypto);
}
