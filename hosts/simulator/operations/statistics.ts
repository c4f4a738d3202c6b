// SPDX-License-Identifier: Apache-2.0
/** What devices did, in numbers: of each one, and of all together. Pure. */
import { DEVICE_COUNT_MAXIMUM } from "../services/registry.js";

export interface Traffic { messages: number; bytes: number }

export interface CrashCount {
	count: number;
	reason: string;
	message?: string | undefined;
	/** Wall clock, ms since 1970, of when it was reported last. */
	lastAt: number;
}

export interface Heartbeat {
	/** When it came: wall clock, ms since 1970. */
	at: number;
	period?: number | undefined;
	counters: Readonly<Record<string, number>>;
	gauges: Readonly<Record<string, number>>;
	timers: Readonly<Record<string, unknown>>;
}

export interface DeviceStatistics {
	readonly device: string;
	online: boolean;
	/** Wall clock, ms since 1970. */
	firstSeenAt: number;
	/** Absent: it never came. */
	lastSeenAt?: number | undefined;
	/** Since when it has been online, or offline. */
	changedAt: number;
	product?: string | undefined;
	version?: string | undefined;
	/** Times that it came online. */
	connections: number;
	/** ms, up to `lastSeenAt`. */
	onlineTime: number;
	/** By the device, and to it; copies that were sent again are not counted. */
	sent: Traffic;
	received: Traffic;
	/** By outcome. */
	commands: Record<string, number>;
	updates: Record<string, number>;
	/** By fingerprint. */
	crashes: Record<string, CrashCount>;
	heartbeat?: Heartbeat | undefined;
}

/** Of all devices together. */
export interface FleetStatistics extends Pick<DeviceStatistics, "connections" | "onlineTime" | "sent" | "received" | "commands" | "updates" | "crashes"> {
	devices: number;
	online: number;
}

/** Different crashes of one device; those seen the longest time ago make room. */
const CRASHES_MAXIMUM = 64;
/** Words of outcomes that are told apart; there are fewer. */
const OUTCOMES_MAXIMUM = 16;

export class Statistics {
	/** Runs when a device's numbers have changed; they are not to be changed. */
	onChanged: ((statistics: DeviceStatistics) => void) | undefined;
	readonly #devices = new Map<string, DeviceStatistics>();

	/** @param known from before; nobody is online yet */
	constructor(known: Iterable<DeviceStatistics> = []) {
		for (const each of known) this.#devices.set(each.device, { ...each, online: false, changedAt: each.online ? each.lastSeenAt ?? each.changedAt : each.changedAt });
	}

	get(device: string): DeviceStatistics | undefined { return this.#devices.get(device); }
	list(): DeviceStatistics[] { return [...this.#devices.values()]; }

	fleet(): FleetStatistics {
		const fleet: FleetStatistics = {
			devices: this.#devices.size, online: 0, connections: 0, onlineTime: 0, sent: none(), received: none(), commands: {}, updates: {}, crashes: {},
		};
		for (const { online, connections, onlineTime, sent, received, commands, updates, crashes } of this.#devices.values()) {
			fleet.online += Number(online);
			fleet.connections += connections;
			fleet.onlineTime += onlineTime;
			add(fleet.sent, sent);
			add(fleet.received, received);
			for (const [status, count] of Object.entries(commands)) fleet.commands[status] = (fleet.commands[status] ?? 0) + count;
			for (const [status, count] of Object.entries(updates)) fleet.updates[status] = (fleet.updates[status] ?? 0) + count;
			for (const [fingerprint, crash] of Object.entries(crashes)) {
				const known = fleet.crashes[fingerprint];
				fleet.crashes[fingerprint] = { ...crash, count: crash.count + (known?.count ?? 0), lastAt: Math.max(crash.lastAt, known?.lastAt ?? 0) };
			}
		}
		return fleet;
	}

	presence(device: string, online: boolean, at: number): void {
		this.#change(device, at, statistics => {
			if (statistics.online === online) return;
			statistics.online = online;
			statistics.changedAt = at;
			if (online) statistics.connections++;
		});
	}

	firmware(device: string, product: string | undefined, version: string | undefined, at: number): void {
		this.#change(device, at, statistics => {
			statistics.product = product;
			statistics.version = version;
		});
	}

	message(device: string, sent: boolean, bytes: number, at: number): void {
		this.#change(device, at, statistics => { add(sent ? statistics.sent : statistics.received, { messages: 1, bytes }); });
	}

	/** A command has ended. @param former as what it was counted before: that nobody answered in time is only a guess */
	command(device: string, status: string, at: number, former?: string): void {
		this.#change(device, at, ({ commands }) => {
			if (former !== undefined && (commands[former] ?? 0) > 0 && --commands[former]! === 0) delete commands[former];
			count(commands, status);
		});
	}

	/** An update has ended. */
	update(device: string, status: string, at: number): void { this.#change(device, at, ({ updates }) => { count(updates, status); }); }

	/** @param reported how often, as the device counts */
	crash(device: string, fingerprint: string, crash: Omit<CrashCount, "count" | "lastAt">, reported: number, at: number): void {
		this.#change(device, at, ({ crashes }) => {
			const known = crashes[fingerprint];
			// Its place among the others is that of the newest.
			delete crashes[fingerprint];
			crashes[fingerprint] = { ...crash, count: Math.max((known?.count ?? 0) + 1, reported), lastAt: at };
			const [oldest] = Object.keys(crashes);
			if (Object.keys(crashes).length > CRASHES_MAXIMUM) delete crashes[oldest!];
		});
	}

	heartbeat(device: string, heartbeat: Heartbeat): void { this.#change(device, heartbeat.at, statistics => { statistics.heartbeat = heartbeat; }); }

	#change(device: string, at: number, change: (statistics: DeviceStatistics) => void): void {
		let statistics = this.#devices.get(device);
		if (statistics === undefined) {
			if (this.#devices.size >= DEVICE_COUNT_MAXIMUM) return;
			statistics = {
				device, online: false, firstSeenAt: at, changedAt: at, connections: 0, onlineTime: 0, sent: none(), received: none(),
				commands: {}, updates: {}, crashes: {},
			};
			this.#devices.set(device, statistics);
		}
		// What a device is sent says nothing of when it was there.
		if (statistics.online) {
			statistics.onlineTime += Math.max(0, at - (statistics.lastSeenAt ?? at));
			statistics.lastSeenAt = at;
		}
		change(statistics);
		if (statistics.online) statistics.lastSeenAt = at;
		this.onChanged?.(statistics);
	}
}

function none(): Traffic { return { messages: 0, bytes: 0 }; }

function add(sum: Traffic, { messages, bytes }: Traffic): void {
	sum.messages += messages;
	sum.bytes += bytes;
}

function count(counts: Record<string, number>, outcome: string): void {
	if (Object.hasOwn(counts, outcome) || Object.keys(counts).length < OUTCOMES_MAXIMUM) counts[outcome] = (counts[outcome] ?? 0) + 1;
}
