// SPDX-License-Identifier: Apache-2.0
/** Credentials come and go while the power fails, at each operation of the storage in turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, type StorageValues } from "../../hosts/world/index.js";
import { CredentialStore, IDENTITY, type Credentials } from "../../src/identity/credentials.js";

const SETTLE = 60_000;

const bytes = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 7) & 0xff);

/** All of a credential is of its seed, so that a mix would show. */
const make = (seed: number): Credentials => ({
	id: `lamp ${seed}`, endpoint: `mqtts://cloud-${seed}`, anchor: bytes(20, seed), certificate: bytes(300, seed),
	intermediates: seed % 2 === 0 ? [] : [bytes(200, seed)], key: bytes(150, seed),
});

const seedOf = ({ id }: Credentials): number => Number(id.split(" ")[1]);

const factory = (): StorageValues => {
	const { intermediates: _, ...values } = make(0);
	return values as unknown as StorageValues;
};

type Step = (store: CredentialStore) => void;

const stage = (seed: number, note?: number): Step => (store) => store.stage(make(seed), note === undefined ? undefined : bytes(note, seed));
const confirm: Step = (store) => store.confirm();
const drop: Step = (store) => store.drop();

/** Each step changes what may be in force from one set to the next. */
const SCRIPTS: Record<string, readonly Step[]> = {
	"a first credential": [stage(1, 100), stage(1), confirm],
	"one after the other": [stage(1), confirm, stage(2), confirm, stage(3), confirm, stage(4), confirm],
	"one that was not good": [stage(1), drop, stage(2), confirm, stage(3), drop, stage(4), confirm],
};

interface Run { operations: number; active: Credentials; boots: number; keys: string[] }

/** Plays a script with the power cut at one operation; a step in which that happens is taken as it stands. */
function run(script: readonly Step[], cutAt: number | undefined, tear: "none" | "whole"): Run {
	const world = createWorld({ seed: 1 });
	const inForce: number[] = [];
	let next = 0;
	const device = world.device({
		id: "lamp", storage: { [IDENTITY]: factory() },
		program(host) {
			const store = new CredentialStore(host);
			// At every boot the device must know who it is, whole.
			check(store, inForce);
			while (next < script.length) {
				const step = script[next++]!;
				try {
					step(store);
				} catch (error) {
					// What was staged may be gone when the power failed before; then there is nothing to confirm.
					if ((error as { code?: string }).code !== "state" || device.boots === 1) throw error;
				}
				check(store, inForce);
			}
		},
	});
	if (cutAt !== undefined) device.cutPowerAt(cutAt, tear);
	world.run(() => next >= script.length && device.running && (cutAt === undefined || device.boots > 1), { within: SETTLE });
	assert.deepEqual(device.crashes, []);
	world.advance(1_000);
	const store = new CredentialStore(device.host);
	const keys = [...device.storage.keys(IDENTITY)];
	return { operations: device.operations, active: store.active(), boots: device.boots, keys };
}

function check(store: CredentialStore, inForce: number[]): void {
	const { fault, ...active } = store.active();
	assert.equal(fault, undefined);
	const seed = seedOf(active);
	const expected = seed === 0 ? (({ intermediates: _, ...rest }) => rest)(make(0)) : make(seed);
	assert.deepEqual(active, expected, "a whole credential and no mix");
	const last = inForce.at(-1) ?? 0;
	assert.ok(seed >= last, `${seed} came back after ${last}`);
	inForce.push(seed);
	const candidate = store.candidate();
	if (candidate !== undefined) assert.deepEqual(candidate.credentials, make(seedOf(candidate.credentials)));
}

for (const [name, script] of Object.entries(SCRIPTS)) {
	test(`${name}: whenever the power fails, a whole credential is in force, and it goes on`, () => {
		const calm = run(script, undefined, "none");
		assert.ok(calm.operations >= script.length);
		for (let at = 1; at <= calm.operations; at++) {
			for (const tear of ["none", "whole"] as const) {
				const { boots, keys, active } = run(script, at, tear);
				assert.equal(boots, 2, `the cut at ${at} came`);
				assert.ok(keys.filter((key) => ["key", "slot0", "slot1"].includes(key)).length <= 2, "an overwritten key is gone");
				assert.ok(seedOf(active) >= 0);
			}
		}
	});
}

/** On the engine of the device a run costs some fifty times as much: a sample there. */
const HISTORIES = (globalThis as { SEEDS?: number }).SEEDS !== undefined ? 20 : 400;
const STEPS = 30;

test("random histories with many cuts: what is in force is what was confirmed last, or was about to be", () => {
	for (let seed = 1; seed <= HISTORIES; seed++) {
		const world = createWorld({ seed });
		const dice = world.random;
		let inForce = 0, candidate: number | undefined, confirming = false, made = 0, steps = 0;
		const device = world.device({
			id: "lamp", storage: { [IDENTITY]: factory() },
			program(host) {
				const store = new CredentialStore(host);
				const now = seedOf(store.active());
				const where = `seed ${seed}, step ${steps}`;
				if (confirming && now === candidate) inForce = now;
				assert.equal(now, inForce, where);
				confirming = false;
				const left = store.candidate();
				// Staging and dropping are one write each: done or not, and nothing in between.
				candidate = left === undefined ? undefined : seedOf(left.credentials);
				while (steps < STEPS) {
					steps++;
					if (dice.chance(0.3)) device.cutPowerAt(device.operations + dice.between(1, 4), dice.chance(0.5) ? "none" : "whole");
					const choice = dice.between(0, 2);
					if (choice === 0) {
						store.stage(make(++made), dice.chance(0.5) ? bytes(5, made) : undefined);
						candidate = made;
					} else if (choice === 1 && candidate !== undefined) {
						confirming = true;
						store.confirm();
						confirming = false;
						inForce = candidate;
						candidate = undefined;
					} else if (choice === 2) {
						store.drop();
						candidate = undefined;
					}
					assert.equal(seedOf(store.active()), inForce, where);
					assert.equal(store.active().fault, undefined, where);
					const found = store.candidate();
					assert.equal(found && seedOf(found.credentials), candidate, where);
				}
			},
		});
		world.run(() => steps >= STEPS && device.running, { within: SETTLE });
		assert.deepEqual(device.crashes, [], `seed ${seed}`);
		world.advance(5_000);
		const { fault: _, ...active } = new CredentialStore(device.host).active();
		assert.deepEqual(active.key, make(inForce).key, `seed ${seed}`);
	}
});
