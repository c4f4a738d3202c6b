// SPDX-License-Identifier: Apache-2.0
/**
 * A device with OSCORE whose power fails: at each operation of its storage, and at any moment through thousands of boots.
 *
 * The device asks a peer and is asked by it, without a network: every message that it ever seals is recorded, and none
 * may share key and nonce with another one.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../../hosts/node/digest.js";
import { createWorld, type Device, type Tear, type World } from "../../hosts/world/index.js";
import { Code, OptionNumber } from "../../src/coap/constants.js";
import { findOption, type Option } from "../../src/coap/option.js";
import type { Host } from "../../src/host.js";
import { Oscore } from "../../src/oscore/oscore.js";
import { NUMBER_BLOCK } from "../../src/oscore/numbers.js";
import type { OSCOREParameters } from "../../src/oscore/parameters.js";
import { CLIENT, Endpoint, outgoing, passed, PATH, reversed, Seals } from "../unit/oscore/rig.js";

/** ms between two requests. */
const PACE = 10;
/** Turns of one life, in which it asks, is asked, and needs several blocks of numbers. */
const TURNS = 3 * NUMBER_BLOCK;
const ROUNDS = 4;
const CONTENT = outgoing(Code.CONTENT, [], "aa");

class Scene {
	readonly world: World;
	readonly device: Device;
	readonly seals = new Seals();
	readonly peer: Endpoint;
	readonly #parameters: OSCOREParameters;
	/** Turns of all lives, and requests that were served, by either. */
	turns = 0;
	served = 0;

	constructor(seed: number, renews: boolean) {
		this.#parameters = { ...CLIENT, renews };
		this.peer = new Endpoint(reversed(this.#parameters), seed, this.seals);
		this.world = createWorld({ seed, digest: (algorithm) => crypto.digest(algorithm), cipher: this.seals.watch() });
		this.device = this.world.device({ id: "meter", program: (host) => this.live(host) });
	}

	private live(host: Host): void {
		const oscore = new Oscore({ host, parameters: this.#parameters });
		const turn = (): void => {
			this.turns++;
			if (this.turns % 3 > 0) this.ask(oscore, this.peer.oscore);
			else this.ask(this.peer.oscore, oscore);
			host.timer.set(turn, PACE);
		};
		host.timer.set(turn, PACE);
	}

	/** Until it is served; the power may fail in each of these calls. */
	private ask(client: Oscore, server: Oscore): void {
		let options: readonly Option[] = [PATH];
		for (let round = 1; ; round++) {
			assert.ok(round <= ROUNDS, "not served");
			const { message, binding } = client.protectRequest(outgoing(Code.GET, options, this.turns.toString(16).padStart(6, "0")));
			const { message: opened, binding: request, answer } = server.unprotectRequest(passed(message));
			const response = client.unprotectResponse(passed(answer ?? server.protectResponse(CONTENT, request!, true)), binding);
			if (opened !== undefined) break;
			const echo = findOption(response.options, OptionNumber.ECHO);
			assert.ok(echo !== undefined, `${response.code}`);
			options = [PATH, echo];
		}
		this.served++;
	}

	run(turns: number): void {
		const end = this.turns + turns;
		this.world.run(() => this.turns >= end && this.device.running, { within: 20 * turns * PACE + 60_000 });
		assert.deepEqual(this.device.crashes.map(({ error }) => String((error as Error).stack)), []);
	}
}

for (const renews of [false, true]) {
	const how = renews ? "that agrees on contexts anew" : "with one context";
	test(`a device ${how} uses no nonce again, whichever write the power fails at`, () => {
		const whole = new Scene(1, renews);
		whole.run(TURNS);
		const { operations } = whole.device;
		assert.ok(operations >= 3, `${operations} writes`);
		for (let at = 1; at <= operations; at++) {
			for (const tear of ["none", "whole"] satisfies Tear[]) {
				const scene = new Scene(at, renews);
				scene.device.cutPowerAt(at, tear);
				scene.run(TURNS);
				assert.equal(scene.device.boots, 2, `${at} ${tear}`);
				assert.ok(scene.served >= TURNS - 2);
				// And at the write after it, too.
				const again = new Scene(at, renews);
				again.device.cutPowerAt(at, tear);
				again.device.cutPowerAt(at + 1, tear === "none" ? "whole" : "none");
				again.run(TURNS);
				assert.equal(again.device.boots, 3, `${at} ${tear}, and the next`);
			}
		}
	});

	test(`a device ${how} uses no nonce again in two thousand lives of any length`, () => {
		const scene = new Scene(7, renews), { world, device } = scene;
		const lives = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 2_000 : 50;
		for (let life = 0; life < lives; life++) {
			if (world.random.chance(0.3)) device.cutPowerAt(device.operations + 1, "any");
			scene.run(world.random.between(1, world.random.chance(0.1) ? NUMBER_BLOCK : 6));
			if (world.random.chance(0.1)) scene.peer.reboot();
			device.cutPower();
		}
		scene.run(10);
		assert.ok(device.boots > lives, `${device.boots} boots`);
		assert.ok(scene.seals.count > 4 * lives, `${scene.seals.count} messages`);
	});
}
