// SPDX-License-Identifier: Apache-2.0
/**
 * A device whose storage fails now and then, at any operation: it dies of none of it, does no command twice, and once
 * the storage works again all is told that there is to tell.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../src/base/error.js";
import type { Host, StorageDomain, StorageProvider } from "../../src/host.js";
import { OperatedScene } from "./operated.js";

const SEEDS = [1];
const MINUTE = 60_000;

/** Fails in every domain but that of the identity. */
class Trouble {
	/** Of 256 operations, those that fail. */
	share = 0;
	failed = 0;
	readonly #dice = new Uint8Array(1);

	host(host: Host): Host {
		const storage: StorageProvider = {
			open: ({ path }) => {
				if (path !== "identity") this.attempt(host);
				const domain = host.storage.open({ path });
				return path === "identity" ? domain : this.domain(host, domain);
			},
		};
		return Object.create(host, { storage: { value: storage } }) as Host;
	}

	private domain(host: Host, domain: StorageDomain): StorageDomain {
		return {
			read: (key) => {
				this.attempt(host);
				return domain.read(key);
			},
			write: (key, value) => {
				this.attempt(host);
				domain.write(key, value);
			},
			delete: (key) => {
				this.attempt(host);
				domain.delete(key);
			},
			keys: () => domain.keys(),
			close: () => domain.close(),
		};
	}

	private attempt(host: Host): void {
		if (this.share === 0) return;
		host.random(this.#dice);
		if (this.#dice[0]! >= this.share) return;
		this.failed++;
		throw new DeviceError("storage", "trouble");
	}
}

for (const seed of SEEDS) {
	test(`the storage fails now and then, and later no more (seed ${seed})`, () => {
		const trouble = new Trouble();
		const scene = new OperatedScene(seed, [], (host) => trouble.host(host));
		const { world, cloud, lamp } = scene;
		scene.reach("ready", () => scene.ready);
		const ids: string[] = [];
		for (const share of [256, 40, 128, 10]) {
			trouble.share = share;
			for (let round = 0; round < 4; round++) {
				ids.push(cloud.commands.send("lamp", { command: "blink", parameters: { times: 1 } }));
				cloud.commands.send("lamp", { command: "report", parameters: {} });
				world.run(world.clock.now + 5 * MINUTE);
				if (round % 2 === 1) lamp.restart();
			}
		}
		assert.ok(trouble.failed > 50, `${trouble.failed} failures`);
		trouble.share = 0;
		world.run(world.clock.now + 30 * MINUTE);
		assert.deepEqual(lamp.crashes.map(({ error }) => String(error)), []);
		for (const id of ids) assert.ok((scene.blinked.get(id) ?? 0) <= 1, `${id} was done twice`);
		for (const kind of ["metrics", "logs"] as const) {
			assert.equal(scene.ask("blink", { times: 2 }).status, "SUCCEEDED");
			const before = scene.reports(kind).length;
			assert.equal(scene.ask("report").status, "SUCCEEDED");
			scene.reach(`told of ${kind}`, () => scene.reports(kind).length > before);
		}
	});
}
