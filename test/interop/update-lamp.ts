// SPDX-License-Identifier: Apache-2.0
/**
 * `programs/update.ts` in images of Node, in a process of its own with the boot loader beside it: SIGKILL is its power cut.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { wrapImage } from "../../hosts/boot/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { createHost } from "../../hosts/node/index.js";
import { createRelease, formatReleaseKey, generateReleaseKey, type ReleaseComponent } from "../../hosts/release/index.js";
import { bundle } from "../../hosts/simulator/cli/bundle.js";
import { runProcess } from "../../hosts/simulator/cli/process.js";
import { IDENTITY_DOMAIN, writeIdentity, type DeviceIdentity } from "../../hosts/simulator/index.js";
import { packageRoot } from "../../hosts/xs/node/build.js";

const PROGRAM = join(packageRoot, "dist/test/interop/programs/update.js");
const SLOT = 2 ** 21;
export const FACTORY = "1.0.0";

/** Makes the images and the releases of one product. */
export class Product {
	readonly #key = generateReleaseKey();
	readonly #cloud: "aws" | "private";
	readonly #source: string;

	private constructor(cloud: "aws" | "private", source: string) {
		this.#cloud = cloud;
		this.#source = source;
	}

	static async make(cloud: "aws" | "private"): Promise<Product> {
		return new Product(cloud, await bundle(PROGRAM, { format: "esm", sourceMap: false }));
	}

	/** The program of a version; "6.6.6" throws at its start. */
	program(version: string): Uint8Array {
		const words = { VERSION: version, "RELEASE-KEY": formatReleaseKey(this.#key), CLOUD: this.#cloud };
		const text = Object.entries(words).reduce((source, [word, value]) => source.replace(`"${word}"`, JSON.stringify(value)), this.#source);
		return Buffer.from(text);
	}

	image(version: string): Uint8Array {
		return wrapImage(this.program(version), crypto);
	}

	/** @param stated what the manifest says */
	release(version: string, component: Partial<ReleaseComponent> = {}, stated = version): Uint8Array {
		return createRelease({
			product: "lamp", version: stated, counter: 0, key: this.#key.privateKey,
			components: [{ name: "main", kind: "image", content: this.image(version), ...component }],
		}).file;
	}
}

/** Bytes that a line of progress tells of. */
function receivedIn(line: string): number | undefined {
	const [, count] = /^received (\d+)/.exec(line) ?? [];
	return count === undefined ? undefined : Number(count);
}

/** Whether a line says that so many bytes were received. */
export const reaches = (count: number) => (line: string): boolean => (receivedIn(line) ?? 0) >= count;

export class Lamp {
	/** What its program said, over all boots. */
	readonly lines: string[] = [];
	readonly #stop = new AbortController();
	readonly #looks = new Set<() => void>();
	readonly #ended: Promise<unknown>;
	#isCutAt: ((line: string) => boolean) | undefined;
	#cut = (): void => {};

	/**
	 * A new device, switched on until the test ends.
	 * @param isCutAt the line at which the power fails, once; it is on again at once
	 */
	constructor(context: TestContext, product: Product, identity: DeviceIdentity, isCutAt?: (line: string) => boolean) {
		const directory = mkdtempSync(join(tmpdir(), "moorline-update-")), device = join(directory, "device");
		mkdirSync(device);
		const storage = createHost({ directory: device }).storage.open({ path: IDENTITY_DOMAIN });
		writeIdentity(storage, identity);
		storage.close();
		this.#isCutAt = isCutAt;
		this.#ended = runProcess({
			file: join(directory, "program.mjs"), directory: device, images: { factory: product.program(FACTORY), slot: SLOT },
			onStart: (cutPower) => { this.#cut = cutPower; },
			onLine: (line, stream) => { this.#take(stream === "stdout" ? line : `stderr: ${line}`); },
		}, this.#stop.signal).catch((error: unknown) => { this.#take(`ended: ${String(error)}`); });
		context.after(async () => {
			this.#stop.abort();
			await this.#ended;
			rmSync(directory, { recursive: true });
		});
	}

	/** Resolves when it has received so many bytes. */
	reached(count: number): Promise<void> {
		return new Promise((resolve) => {
			const look = (): void => {
				if ((this.progress.at(-1) ?? 0) < count) return;
				this.#looks.delete(look);
				resolve();
			};
			this.#looks.add(look);
			look();
		});
	}

	/** The lines without those of progress. */
	get story(): string[] {
		return this.lines.filter((line) => !line.startsWith("received"));
	}

	/** Bytes received, as each line of progress had it. */
	get progress(): number[] {
		return this.lines.map(receivedIn).filter((count) => count !== undefined);
	}

	#take(line: string): void {
		this.lines.push(line);
		if (this.#isCutAt?.(line)) {
			this.#isCutAt = undefined;
			this.#cut();
		}
		for (const look of this.#looks) look();
	}
}
