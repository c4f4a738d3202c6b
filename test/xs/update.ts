// SPDX-License-Identifier: Apache-2.0
/** `programs/update.ts` and its cloud: the private one on TLS and HTTPS, which offers releases and hears how they end. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { wrapImage } from "../../hosts/boot/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { createHost } from "../../hosts/node/index.js";
import { createRelease, formatReleaseKey, generateReleaseKey, type ReleaseComponent } from "../../hosts/release/index.js";
import { followJobs } from "../../hosts/simulator/cli/follow.js";
import { createCloud, IDENTITY_DOMAIN, writeIdentity, type Cloud } from "../../hosts/simulator/index.js";
import { packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { runXS } from "../../hosts/xs/node/run.js";

const PROGRAM = join(packageRoot, "dist/test/xs/programs/update.js");
const SLOT = 512 * 1024;
const LIMIT_MS = 60_000;
export const FACTORY = "1.0.0";

/** How a job ended. */
export interface Outcome {
	status: string;
	details: Readonly<Record<string, string>> | undefined;
}

export class UpdateCloud {
	readonly cloud: Cloud;
	/** Blocks of files that were sent over MQTT. */
	blocks = 0;
	readonly key = generateReleaseKey();
	readonly #waiting = new Map<string, (outcome: Outcome) => void>();

	/** Use `make`. */
	private constructor(cloud: Cloud) {
		this.cloud = cloud;
		followJobs(cloud.jobs, (_event, { job, status, details }: any) => {
			if (status !== "QUEUED" && status !== "IN_PROGRESS") this.#waiting.get(job)?.({ status, details });
		});
	}

	static async make(): Promise<UpdateCloud> {
		let made: UpdateCloud | undefined;
		const disturb = (blocks: number[]): number[] => {
			made!.blocks += blocks.length;
			return blocks;
		};
		const cloud = await createCloud({ files: { disturb } });
		await cloud.serve({ tlsPort: 0, firmwarePort: 0 });
		return made = new UpdateCloud(cloud);
	}

	release(version: string, component: Partial<ReleaseComponent> & { content: Uint8Array }): Uint8Array {
		return createRelease({
			product: "lamp", version, counter: 0, key: this.key.privateKey, components: [{ name: "main", kind: "image", ...component }],
		}).file;
	}

	/** Resolves with the end of the job. */
	ended(job: string): Promise<Outcome> {
		return new Promise((resolve) => { this.#waiting.set(job, resolve); });
	}
}

/** An image that says which version it is, and of which `seed` makes the rest. */
export function imageOf(version: string, rest: Uint8Array): Uint8Array {
	return wrapImage(Buffer.concat([Buffer.from(`${version}\n`), rest]), crypto);
}

export class Lamp {
	readonly id: string;
	/** What its program said, over all boots. */
	readonly lines: string[] = [];
	readonly #cloud: UpdateCloud;
	readonly #directory: string;
	readonly #bits: Bits;
	readonly #factory: Uint8Array;

	private constructor(cloud: UpdateCloud, bits: Bits, id: string, directory: string, factory: Uint8Array) {
		this.#cloud = cloud;
		this.#bits = bits;
		this.id = id;
		this.#directory = join(directory, id);
		this.#factory = factory;
	}

	/** @param rest of the image that it gets at the factory, behind its version */
	static async make(cloud: UpdateCloud, bits: Bits, id: string, directory: string, rest: Uint8Array = Buffer.from("factory")): Promise<Lamp> {
		const lamp = new Lamp(cloud, bits, id, directory, Buffer.concat([Buffer.from(`${FACTORY}\n`), rest]));
		mkdirSync(lamp.#directory, { recursive: true });
		const storage = createHost({ directory: lamp.#directory }).storage.open({ path: IDENTITY_DOMAIN });
		writeIdentity(storage, await cloud.cloud.manufacture(id));
		storage.close();
		return lamp;
	}

	/**
	 * Is on until the job has ended, with the memory and the stack of a device.
	 * @param cutAt bytes received at which the power fails; it is on again at once
	 * @throws Error when the program ended otherwise
	 */
	async update(job: string, cutAt = Infinity): Promise<Outcome> {
		const done = new AbortController();
		const limit = AbortSignal.timeout(LIMIT_MS);
		let outcome: Outcome | undefined;
		void this.#cloud.ended(job).then((found) => {
			outcome = found;
			done.abort();
		});
		for (let cuts = 0; outcome === undefined; cuts++) {
			let cut = (): void => {};
			let isCut = false;
			const { code, errors } = await runXS({
				bits: this.#bits, program: PROGRAM, arguments: [formatReleaseKey(this.#cloud.key)], directory: this.#directory,
				images: { slot: SLOT, factory: this.#factory }, signal: AbortSignal.any([done.signal, limit]),
				onStart: (process) => { cut = () => { isCut = process.kill("SIGKILL"); }; },
				onLine: (line) => {
					// What it said when it was dead already is not to be counted on.
					if (isCut) return;
					this.lines.push(line);
					if (cuts === 0 && Number(/^received (\d+)/.exec(line)?.[1] ?? 0) >= cutAt) cut();
				},
			});
			if (outcome === undefined && !isCut) throw new Error(`the program ended with ${code}:\n${[...this.lines, ...errors].join("\n")}`);
		}
		return outcome;
	}

	/** The lines without those of progress. */
	get story(): string[] {
		return this.lines.filter((line) => !line.startsWith("received"));
	}

	/** Bytes received, as each line of progress had it. */
	get progress(): number[] {
		return this.lines.flatMap((line) => /^received (\d+)/.exec(line)?.[1] ?? []).map(Number);
	}
}
