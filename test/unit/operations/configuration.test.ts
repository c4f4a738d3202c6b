// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceError } from "../../../src/base/error.js";
import type { ResetReason } from "../../../src/host.js";
import {
	Configuration, SETTLE_TIME, TRIAL_BOOTS, type ConfigurationHandlers, type ConfigurationOwner,
} from "../../../src/operations/configuration.js";
import { number, string, type Model } from "../../../src/shadow/model.js";
import { applyPatch, type JSONObject } from "../../../src/shadow/document.js";
import type { ShadowPort, ShadowUpdate } from "../../../src/shadow/shadow.js";
import { FakeHost } from "../fake-host.js";
import { ServiceRig } from "./service-rig.js";

const MODEL = { interval: number(), mode: string() };
const TIMEOUT = 60_000;

/** One start of a device, its cloud included; what is stored outlives it. */
class Rig extends ServiceRig implements ConfigurationOwner, ShadowPort {
	readonly host: FakeHost;
	readonly configuration: Configuration;
	/** The cloud's document. */
	readonly document: { version: number; desired: JSONObject; reported: JSONObject };
	/** What the program does of what it is told. */
	throws = false;
	online = false;
	#answer: (() => void) | undefined;

	constructor(handlers: Partial<ConfigurationHandlers<typeof MODEL, unknown>> = {}, before?: Rig, resetReason: ResetReason = "power-on") {
		super();
		this.host = new FakeHost();
		if (before !== undefined) Object.assign(this.host.stored, before.host.stored);
		Object.assign(this.host, {
			system: { ...this.host.system, resetReason }, time: { now: () => this.now, wall: () => undefined },
		});
		this.document = before?.document ?? { version: 1, desired: {}, reported: {} };
		this.configuration = new Configuration(this, {
			model: MODEL, initial: { interval: 60 }, timeout: TIMEOUT,
			onConfigure: (configuration) => {
				this.lines.push(`configure ${JSON.stringify(configuration)}`);
				if (this.throws) throw new Error("cannot");
			},
			...handlers,
		} as ConfigurationHandlers<Model, unknown>, undefined, "");
	}

	get driven() {
		const { configuration, configuration: { shadow } } = this;
		return {
			get deadline() { return Math.min(configuration.deadline, shadow.deadline); },
			expire: (now: number) => {
				shadow.expire(now);
				configuration.expire(now);
				const answer = this.#answer;
				this.#answer = undefined;
				answer?.();
			},
		};
	}

	get status(): unknown {
		return this.document.reported["status"];
	}

	connect(): void {
		this.online = true;
		this.configuration.connected();
		this.configuration.shadow.connected(this);
		this.turn();
	}

	disconnect(): void {
		this.online = false;
		this.configuration.disconnected();
		this.configuration.shadow.disconnected();
	}

	/** The operator sets something. */
	set(desired: JSONObject): void {
		Object.assign(this.document.desired, desired);
		const version = ++this.document.version;
		if (this.online) this.configuration.shadow.delta(version, { ...this.document.desired });
		this.turn();
	}

	onTurn(): void {}

	onError({ code }: DeviceError): void {
		this.lines.push(`error ${code}`);
	}

	get(token: string): boolean {
		const { version, desired, reported } = this.document;
		this.#answer = () => this.configuration.shadow.document(token, version, { ...desired }, { ...reported });
		return true;
	}

	update(token: string, { reported }: ShadowUpdate): boolean {
		applyPatch(this.document.reported, reported ?? {});
		const version = ++this.document.version;
		this.#answer = () => this.configuration.shadow.accepted(token, version);
		return true;
	}
}

const started = (...options: ConstructorParameters<typeof Rig>): Rig => {
	const rig = new Rig(...options);
	rig.turn();
	rig.connect();
	rig.take();
	return rig;
};

test("the program starts with what was given, and goes by what was set once it has proved good", () => {
	const rig = new Rig();
	rig.turn();
	assert.deepEqual(rig.take(), [`configure {"interval":60}`]);
	rig.connect();
	rig.set({ interval: 5 });
	assert.deepEqual(rig.take(), [`configure {"interval":5}`]);
	const { version } = rig.status as { version: number };
	assert.deepEqual([rig.status, rig.configuration.onTrial], [{ version, state: "trial" }, true]);
	rig.wait(SETTLE_TIME - 1);
	assert.ok(rig.configuration.onTrial);
	rig.wait(1);
	assert.deepEqual([rig.status, rig.configuration.onTrial], [{ version, state: "applied" }, false]);
	assert.deepEqual([rig.document.reported["interval"], rig.take()], [5, []]);
	const next = started({}, rig);
	assert.deepEqual([next.configuration.current, next.configuration.onTrial], [{ interval: 5 }, false]);
});

test("the cloud that cannot be reached with it takes it back, and it is not tried again", () => {
	const rig = started();
	rig.set({ interval: 5, mode: "far" });
	rig.wait(SETTLE_TIME - 1);
	rig.disconnect();
	rig.take();
	rig.wait(TIMEOUT);
	assert.deepEqual(rig.take(), [`configure {"interval":60}`]);
	rig.connect();
	rig.wait(10 * TIMEOUT);
	const { state, reason } = rig.status as Record<string, unknown>;
	assert.deepEqual([state, reason, rig.document.reported["interval"], rig.take()], ["reverted", "NO_CONNECTION", 60, []]);
	// Nor by the next start, and not in part.
	const next = started({}, rig);
	next.set({ interval: 7 });
	assert.deepEqual(next.take(), [`configure {"interval":7,"mode":"far"}`]);
});

test("what comes back in time is kept, however often the connection was lost", () => {
	const rig = started();
	rig.set({ interval: 5 });
	for (let times = 0; times < 3; times++) {
		rig.disconnect();
		rig.wait(SETTLE_TIME);
		rig.connect();
		rig.wait(SETTLE_TIME - 1);
	}
	assert.ok(rig.configuration.onTrial);
	rig.wait(1);
	assert.equal((rig.status as JSONObject)["state"], "applied");
});

test("one bad value refuses the whole, before the program sees any of it", () => {
	const rig = started({ check: ({ interval }) => interval! < 1 ? "interval too short" : undefined });
	rig.set({ interval: "often", mode: "near" });
	const { state, reason } = rig.status as JSONObject;
	assert.deepEqual([state, reason, rig.take(), rig.configuration.current], ["refused", "BAD_VALUE: interval", [], { interval: 60 }]);
	rig.set({ interval: 0 });
	assert.equal((rig.status as JSONObject)["reason"], "interval too short");
	rig.set({ interval: 1 });
	assert.deepEqual(rig.take(), [`configure {"interval":1,"mode":"near"}`]);
});

test("what is desired as it was is no longer refused", () => {
	const rig = started();
	rig.set({ interval: "often" });
	rig.document.desired["interval"] = 60;
	rig.document.version++;
	rig.disconnect();
	rig.connect();
	assert.deepEqual(rig.status, { version: rig.document.version - 1, state: "applied" });
});

test("a program that throws, a crash and too many starts take it back", () => {
	const thrown = started();
	thrown.throws = true;
	thrown.set({ interval: 5 });
	assert.deepEqual(thrown.take(), [`configure {"interval":5}`, "error internal", `configure {"interval":60}`, "error internal"]);
	assert.equal((thrown.status as JSONObject)["reason"], "EXCEPTION");
	for (const reason of ["exception", "watchdog"] as const) {
		const rig = started();
		rig.set({ interval: 5 });
		const next = started({}, rig, reason);
		assert.deepEqual([(next.status as JSONObject)["reason"], next.configuration.current], ["CRASH", { interval: 60 }]);
	}
	let rig = started();
	rig.set({ interval: 5 });
	for (let boots = 1; boots < TRIAL_BOOTS; boots++) {
		rig = started({}, rig);
		assert.deepEqual(rig.configuration.current, { interval: 5 });
	}
	rig = started({}, rig);
	assert.deepEqual([(rig.status as JSONObject)["reason"], rig.configuration.current], ["RESTARTS", { interval: 60 }]);
});

test("the program has the last word, where it wants it", () => {
	const rig = started({ confirm: "manual" });
	rig.set({ interval: 5 });
	rig.wait(2 * SETTLE_TIME);
	assert.ok(rig.configuration.onTrial);
	rig.configuration.confirm();
	rig.wait(SETTLE_TIME);
	assert.equal((rig.status as JSONObject)["state"], "applied");
	rig.set({ interval: 6 });
	rig.configuration.reject("too loud");
	rig.turn();
	assert.deepEqual([(rig.status as JSONObject)["reason"], rig.configuration.current], ["too loud", { interval: 5 }]);
});

test("a storage that fails refuses what it cannot keep", () => {
	const rig = started();
	rig.host.failingStore = "write";
	rig.set({ interval: 5 });
	assert.deepEqual([(rig.status as JSONObject)["reason"], rig.configuration.current], ["STORAGE", { interval: 60 }]);
	assert.ok(rig.take().every((line) => line === "error storage"));
});

test("what is in the storage and none of ours is left out, and said", () => {
	const rig = new Rig();
	rig.host.stored["operations"] = { configuration: Uint8Array.of(0x5b, 0x5d) };
	const next = new Rig({}, rig);
	assert.deepEqual([next.take(), next.configuration.current], [["error corrupt"], { interval: 60 }]);
	assert.throws(() => new Rig({ model: { ...MODEL, status: number() } as typeof MODEL }), { code: "argument" });
	assert.throws(() => new Rig({ initial: { interval: "often" } as never }), { code: "argument" });
});

test("what is refused while something else is on trial stays refused once that is kept", () => {
	const rig = started();
	rig.set({ interval: 5 });
	rig.wait(SETTLE_TIME / 2);
	rig.set({ interval: "often" });
	const { version } = rig.document;
	const { state, reason } = rig.status as JSONObject;
	assert.deepEqual([state, reason, rig.configuration.onTrial], ["refused", "BAD_VALUE: interval", true]);
	rig.wait(TIMEOUT);
	const told = rig.status as JSONObject;
	assert.deepEqual([rig.configuration.onTrial, rig.configuration.current], [false, { interval: 5 }]);
	assert.deepEqual([told["state"], told["reason"]], ["refused", "BAD_VALUE: interval"]);
	assert.ok(Number(told["version"]) <= version);
	// Set back, it is refused no more.
	const back = started();
	back.set({ interval: 5 });
	back.wait(SETTLE_TIME / 2);
	back.set({ interval: "often" });
	back.document.desired["interval"] = 5;
	back.document.version++;
	back.disconnect();
	back.connect();
	assert.equal((back.status as JSONObject)["state"], "trial");
	back.wait(SETTLE_TIME);
	const { state: last, reason: none } = back.status as JSONObject;
	assert.deepEqual([last, none, back.configuration.onTrial], ["applied", undefined, false]);
});

test("what an image before this one kept is gone by as far as it fits the model of this one", () => {
	const rig = started();
	rig.set({ interval: 5, mode: "near" });
	rig.wait(SETTLE_TIME);
	const kept = new Rig({ model: { interval: string(), speed: number() } as never, initial: { interval: "often", speed: 1 } as never }, rig);
	assert.deepEqual(kept.configuration.current, { interval: "often", speed: 1 });
	const trial = started();
	trial.set({ interval: 5, mode: "near" });
	const next = new Rig({ model: { interval: string() } as never, initial: { interval: "often" } as never }, trial);
	assert.deepEqual(next.configuration.current, { interval: "often" });
});
