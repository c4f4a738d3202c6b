// SPDX-License-Identifier: Apache-2.0
/** Shadow documents that outlive the cloud: a file for each, on the disk before anybody is told of a change. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceError } from "../../src/base/error.js";
import { attempt, ifPresent, replaceFile } from "../node/file.js";
import type { ShadowStore, StoredShadow } from "./services/shadow.js";

const ENDING = ".json";

export class ShadowFiles implements ShadowStore {
	readonly #directory: string;

	/** @param directory holds these files and no others; need not be there */
	constructor(directory: string) {
		this.#directory = directory;
	}

	/** @throws DeviceError `storage`; `corrupt` for a file that is none of ours */
	load(): StoredShadow[] {
		const files = ifPresent(`reading ${this.#directory}`, () => readdirSync(this.#directory)) ?? [];
		return files.filter(file => file.endsWith(ENDING)).map(file => this.#read(join(this.#directory, file)));
	}

	/** @throws DeviceError `storage`, `full` */
	save(shadow: StoredShadow): void {
		// What a device is called may be longer than a file's name can be, and mean something else in it.
		const file = createHash("sha256").update(`${shadow.id}/${shadow.name}`).digest("hex");
		replaceFile(join(this.#directory, file + ENDING), Buffer.from(JSON.stringify(shadow)));
	}

	#read(path: string): StoredShadow {
		const text = attempt(`reading ${path}`, () => readFileSync(path, "utf8"));
		try {
			const shadow = JSON.parse(text) as StoredShadow;
			if (typeof shadow.id !== "string" || typeof shadow.name !== "string" || !Number.isSafeInteger(shadow.version)) throw new SyntaxError("no shadow");
			return shadow;
		} catch (error) {
			throw new DeviceError("corrupt", `${path} holds no shadow`, { cause: error });
		}
	}
}
