// SPDX-License-Identifier: Apache-2.0
/** What a cloud knows of the running of its devices: what it keeps, what it counts, and what it tells somebody of. */
import type { ReportKind } from "../../../src/operations/report.js";
import type { CrashReport, HeartbeatReport, LogsReport, ReportBody, TraceReport } from "../services/report-body.js";
import { Stores, type StoresOptions } from "../stores/stores.js";
import type { Row } from "../stores/tables.js";
import { Notifications, type Notification } from "./notifications.js";
import type { ObservedCommand, ObservedJob, ObservedMessage, ObservedShadow, Observer } from "./observer.js";
import { DEFAULT_RULES, type Rule } from "./rules.js";
import { type DeviceStatistics, Statistics } from "./statistics.js";

export interface OperationsOptions extends StoresOptions {
	/** Default: offline for 10 minutes, crashes, updates that failed. */
	rules?: readonly Rule[] | undefined;
}

/** The shadow that is a device's remote configuration. */
export const CONFIGURATION = "configuration";
/** ms from a change of a device's numbers to its row. */
const COUNTED_DELAY = 1_000;
const ENDED_MAXIMUM = 10_000;
/** Bytes of a message that are kept. */
const CONTENT_MAXIMUM = 1_024;
/** Keys, and what proves a right to some, pass here: of these nothing is kept. */
const SECRET_TOPICS = /^\$aws\/(certificates|provisioning-templates)\//;
/** The longest delay of a timer. */
const TIMER_MAXIMUM = 2 ** 31 - 1;
/** Why a command is over of which the cloud does not know how it ended. */
const CLOUD_ENDED = "CLOUD_ENDED";
const encoder = new TextEncoder();
const FAILURES: readonly string[] = Object.freeze(["FAILED", "REJECTED", "TIMED_OUT"]);

export class Operations implements Observer {
	readonly stores: Stores;
	readonly statistics: Statistics;
	readonly notifications: Notifications;
	/** Runs when a rule has something to tell, and when that is over. */
	onNotification: ((notification: Notification) => void) | undefined;
	/** How commands ended that may yet be said to have ended otherwise. */
	readonly #ended = new Map<string, string>();
	readonly #dirty = new Set<DeviceStatistics>();
	#counting: NodeJS.Timeout | undefined;
	#waking: NodeJS.Timeout | undefined;
	#isClosed = false;

	/** @throws DeviceError `storage`, `corrupt` */
	constructor({ rules = DEFAULT_RULES, ...options }: OperationsOptions = {}) {
		const stores = this.stores = new Stores(options), now = Date.now();
		this.statistics = new Statistics(stores.list("devices").map(({ statistics }) => statistics as DeviceStatistics));
		this.statistics.onChanged = statistics => { this.#count(statistics); };
		const known = stores.list("notifications").filter(({ clearedAt }) => clearedAt === undefined);
		this.notifications = new Notifications(rules, known as readonly Row<"notifications">[] as readonly Notification[]);
		this.notifications.onNotification = notification => { this.#tell(notification); };
		for (const status of ["CREATED", "IN_PROGRESS"]) this.#forsake(status, now);
		// Whoever was there when the last cloud ended has until now to come back.
		for (const { device } of this.statistics.list()) this.notifications.presence(device, false, now);
		this.#wake();
	}

	presence(device: string, online: boolean): void {
		if (this.#isClosed) return;
		const at = Date.now();
		this.statistics.presence(device, online, at);
		this.#event(device, online ? "online" : "offline", "", {}, at);
		this.notifications.presence(device, online, at);
		this.#wake();
	}

	firmware(device: string, product: string | undefined, version: string | undefined): void {
		if (!this.#isClosed) this.statistics.firmware(device, product, version, Date.now());
	}

	shadow(device: string, { name, version, desired, reported }: ObservedShadow): void {
		if (!this.#isClosed && name === CONFIGURATION) this.stores.add("configurations", { device, at: Date.now(), version, desired, reported });
	}

	command(device: string, { id, status, payload, reason, description, result }: ObservedCommand): void {
		if (this.#isClosed) return;
		const at = Date.now();
		this.stores.add("commands", { device, at, command: id, payload, status, reason, description, result, createdAt: status === "CREATED" ? at : undefined });
		this.#event(device, "command", id, { status, reason, description }, at);
		if (!isOver(status)) return;
		const key = `${device}/${id}`, former = this.#ended.get(key);
		this.#ended.delete(key);
		this.#ended.set(key, status);
		const [oldest] = this.#ended.keys();
		if (this.#ended.size > ENDED_MAXIMUM) this.#ended.delete(oldest!);
		this.statistics.command(device, status, at, former);
		if (FAILURES.includes(status) && former === undefined) this.notifications.commandFailed(device, id, outcomeOf(status, reason, description), at);
	}

	job(device: string, { id, number, status, details }: ObservedJob): void {
		if (this.#isClosed) return;
		const at = Date.now(), { reason, description } = (details ?? {}) as { reason?: string; description?: string };
		this.stores.add("updates", { device, at, job: id, number, status, details });
		this.#event(device, "job", id, { number, status, details }, at);
		if (!isOver(status)) return;
		this.statistics.update(device, status, at);
		this.notifications.update(device, id, FAILURES.includes(status), outcomeOf(status, reason, description), at);
	}

	report(device: string, kind: ReportKind, report: ReportBody): void {
		if (this.#isClosed) return;
		const at = Date.now();
		switch (kind) {
			case "logs": return this.#logs(device, report as LogsReport, at);
			case "metrics": return this.#metrics(device, report as HeartbeatReport, at);
			case "crash": return this.#crash(device, report as CrashReport, at);
			case "trace": return this.#trace(device, report as TraceReport, at);
		}
	}

	metrics(device: string, number: number, gauges: Readonly<Record<string, number>>): void {
		if (!this.#isClosed) this.#metrics(device, { number, counters: {}, gauges, timers: {} }, Date.now());
	}

	message(device: string, { sent, topic, payload }: ObservedMessage): void {
		if (this.#isClosed) return;
		const at = Date.now(), { byteLength: size } = payload;
		this.statistics.message(device, sent, size, at);
		const content = SECRET_TOPICS.test(topic) ? undefined : Uint8Array.from(payload.subarray(0, CONTENT_MAXIMUM));
		this.stores.add("messages", { device, at, sent: Number(sent), topic, size, content });
	}

	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		clearTimeout(this.#waking);
		this.#keepCounts();
		this.stores.close();
	}

	/** What a cloud had asked for that is no more: nobody will hear what came of it. */
	#forsake(status: string, at: number): void {
		for (const command of this.stores.list("commands", { where: { status } })) {
			this.stores.add("commands", { ...command, at, status: "TIMED_OUT", reason: CLOUD_ENDED });
		}
	}

	#logs(device: string, { boot, records }: LogsReport, at: number): void {
		for (const [number, uptime, level, module, message, fields] of records) {
			this.stores.add("logs", { device, at, boot, number, uptime, level, module, message, fields });
		}
	}

	#metrics(device: string, report: Partial<HeartbeatReport> & Pick<HeartbeatReport, "counters" | "gauges" | "timers">, at: number): void {
		const { boot, number, at: uptime, period, wall, counters, gauges, timers } = report;
		this.stores.add("metrics", { device, at, boot, number, uptime, period, wall, counters, gauges, timers });
		this.statistics.heartbeat(device, { at, period, counters, gauges, timers });
		this.notifications.metrics(device, { ...counters, ...gauges }, at);
	}

	#crash(device: string, { boot, fingerprint, count, reason, message, stack, product, version, wall, heap, vitals, logs }: CrashReport, at: number): void {
		// A device that heard no answer says it again, perhaps to the next cloud.
		if (this.stores.list("crashes", { where: { device, boot, fingerprint, count }, limit: 1 }).length > 0) return;
		this.stores.add("crashes", { device, at, boot, fingerprint, count, reason, message, stack, product, version, wall, heap, vitals, logs });
		this.statistics.crash(device, fingerprint, { reason, message }, count, at);
		this.notifications.crash(device, fingerprint, `${reason}${message === undefined ? "" : `, ${message}`} (${fingerprint})`, at);
	}

	#trace(device: string, { boot, messages }: TraceReport, at: number): void {
		for (const [number, uptime, sent, topic, size, content] of messages) {
			this.stores.add("traces", { device, at, boot, number, uptime, sent, topic, size, content: typeof content === "string" ? encoder.encode(content) : content });
		}
	}

	#event(device: string, kind: string, subject: string, details: object, at: number): void {
		this.stores.add("events", { device, at, kind, subject, details });
	}

	#tell(notification: Notification): void {
		this.stores.add("notifications", { at: notification.clearedAt ?? notification.raisedAt, ...notification });
		this.onNotification?.(notification);
	}

	#count(statistics: DeviceStatistics): void {
		this.#dirty.add(statistics);
		this.#counting ??= setTimeout(() => { this.#keepCounts(); }, COUNTED_DELAY);
	}

	#keepCounts(): void {
		clearTimeout(this.#counting);
		this.#counting = undefined;
		for (const statistics of this.#dirty) this.stores.add("devices", { device: statistics.device, at: statistics.lastSeenAt ?? statistics.firstSeenAt, statistics });
		this.#dirty.clear();
	}

	/** Sets the timer to when somebody will have been away for too long. */
	#wake(): void {
		clearTimeout(this.#waking);
		const { deadline } = this.notifications;
		if (deadline === Infinity) return;
		this.#waking = setTimeout(() => {
			this.notifications.expire(Date.now());
			this.#wake();
		}, Math.min(Math.max(deadline - Date.now(), 0) + 1, TIMER_MAXIMUM));
		this.#waking.unref();
	}
}

/** Of commands and of jobs. */
export function isOver(status: string): boolean {
	return !["CREATED", "QUEUED", "IN_PROGRESS"].includes(status);
}

function outcomeOf(status: string, reason: string | undefined, description: string | undefined): string {
	return [status, reason, description].filter(each => each !== undefined).join(", ");
}
