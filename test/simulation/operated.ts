// SPDX-License-Identifier: Apache-2.0
/**
 * A device with all that there is for its operation: commands, a log, heartbeats, crash reports and a trace, over the
 * private cloud, while its power fails. Uses nothing of Node: runs on XS as well.
 */
import { identityValues } from "../../hosts/simulator/identity.js";
import type { DeviceCommand } from "../../hosts/simulator/services/commands.js";
import type { DeviceReport } from "../../hosts/simulator/services/reports.js";
import { WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, type Device as WorldDevice, type Tear, type World } from "../../hosts/world/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { crypto } from "../unit/storage/digest.js";
import { command, Device, model, number } from "../../src/index.js";
import type { Host } from "../../src/host.js";
import type { ReportKind } from "../../src/operations/report.js";

export const ID = "lamp";
export const FLAW = "no such pattern";
export const PERIOD = 600_000;
const SETTLE = 600_000;
const MODULE = "lamp";

export interface Cut { at: number; tear: Tear }

/** The world, the cloud and the lamp. */
export class OperatedScene {
	readonly world: World;
	readonly cloud: WorldCloud;
	readonly lamp: WorldDevice;
	device: Device | undefined;
	/** Times that the lamp blinked, by command. */
	readonly blinked = new Map<string, number>();
	readonly errors: string[] = [];

	/** @param wrap what the device's program is given in place of its host */
	constructor(seed: number, cuts: readonly Cut[] = [], wrap = (host: Host): Host => host) {
		const world = this.world = createWorld({ seed, digest: () => crypto.digest("SHA-256") });
		const cloud = this.cloud = new WorldCloud(world);
		this.lamp = world.device({
			id: ID, storage: { identity: identityValues(cloud.manufacture(ID)) }, partitions: { log: 16_384 },
			program: (host) => this.boot(wrap(host)),
		});
		for (const { at, tear } of cuts) this.lamp.cutPowerAt(at, tear);
	}

	private boot(host: Host): void {
		const scene = this;
		const device = this.device = new Device({
			host, cloud: privateCloud({ keepAlive: 20_000, reconnect: { base: 100, cap: 1_000 } }),
			firmware: { product: "lamp", version: "1.0.0" },
			commands: {
				blink: command({
					parameters: model({ times: number() }),
					handler(call) {
						scene.blinked.set(call.id, (scene.blinked.get(call.id) ?? 0) + 1);
						log.info("blinks", { times: call.parameters.times });
						device.metrics.counter("blinks").add(call.parameters.times);
						host.timer.set(() => {
							if (call.parameters.times > 9) throw new Error(FLAW);
							call.succeed();
						}, 100);
					},
				}),
			},
			log: { level: "info", flash: { partition: "log", level: "info" } },
			heartbeat: { period: PERIOD },
			trace: { content: 64 },
			onError: (error) => { scene.errors.push(`${error.code}: ${error.message}`); },
		});
		const log = device.log(MODULE);
		log.info("starts", { boot: host.system.resetReason });
	}

	get ready(): boolean {
		return this.device?.connected === true && this.device.inSync && this.lamp.running;
	}

	/** Lets time pass until it is so. */
	reach(what: string, condition: () => boolean): void {
		this.world.run(condition, { within: SETTLE });
		if (!condition()) throw new Error(`never ${what}; ${this.errors.join("; ")}; ${String(this.lamp.crashes.at(-1)?.error)}`);
	}

	/** Sends a command and waits for its end. */
	ask(command: string, parameters: Record<string, number | string | string[]> = {}): DeviceCommand {
		this.reach("ready", () => this.ready);
		const { commands } = this.cloud;
		const id = commands.send(ID, { command, parameters });
		this.reach(`${command} ended`, () => !["CREATED", "IN_PROGRESS"].includes(commands.get(ID, id)!.status));
		return commands.get(ID, id)!;
	}

	reports(kind: ReportKind): readonly DeviceReport[] {
		return this.cloud.reports.reports(ID, kind);
	}
}
