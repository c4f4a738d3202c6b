// SPDX-License-Identifier: Apache-2.0
/**
 * Tells, by rules, of what somebody should know: once for each occurrence, and again when it is over.
 *
 * Pure; its clock is the wall's. What has no end, such as a crash, is told and done with.
 */
import { DEFAULT_RULES, isMeant, type MetricRule, type Rule } from "./rules.js";

export interface Notification {
	/** Its rule's name. */
	readonly rule: string;
	readonly device: string;
	/** What tells it from others of the same rule and device: a job, a fingerprint; "" where there can be one alone. */
	readonly subject: string;
	readonly text: string;
	/** Wall clock, ms since 1970. */
	readonly raisedAt: number;
	/** Absent while it lasts; the same as `raisedAt` for what has no end. */
	readonly clearedAt?: number | undefined;
}

/** Of devices that may still be away for too long, and notifications that last: one of each rule and device. */
type Key = string;

export class Notifications {
	/** Runs when one is raised and when it is cleared. */
	onNotification: ((notification: Notification) => void) | undefined;
	readonly #rules: readonly Rule[];
	/** Those that last. */
	readonly #raised = new Map<Key, Notification>();
	/** When each device that is away went. */
	readonly #away = new Map<string, number>();
	#deadline = Infinity;

	/** @param known those that lasted when the cloud ended */
	constructor(rules: readonly Rule[] = DEFAULT_RULES, known: Iterable<Notification> = []) {
		this.#rules = rules;
		for (const each of known) if (rules.some(({ name }) => name === each.rule)) this.#raised.set(keyOf(each), each);
	}

	/** Wall clock in ms since 1970 at which `expire` has something to do, or `Infinity`. */
	get deadline(): number { return this.#deadline; }
	/** Those that last. */
	list(): Notification[] { return [...this.#raised.values()]; }

	/** @param since when it came or went */
	presence(device: string, online: boolean, since: number): void {
		if (!online) {
			this.#away.set(device, since);
			for (const rule of this.#rules) if (rule.when === "offline" && isMeant(rule, device)) this.#deadline = Math.min(this.#deadline, since + rule.for);
			return;
		}
		this.#away.delete(device);
		for (const { when, name } of this.#rules) if (when === "offline") this.#clear(name, device, "", since, `${device} is back`);
	}

	crash(device: string, fingerprint: string, text: string, at: number): void { this.#happened("crash", device, fingerprint, `${device} crashed: ${text}`, at); }

	commandFailed(device: string, id: string, text: string, at: number): void { this.#happened("command-failed", device, id, `${device} ${id} ${text}`, at); }

	/** An update ended. */
	update(device: string, job: string, hasFailed: boolean, text: string, at: number): void {
		for (const rule of this.#rules) {
			if (rule.when !== "update-failed" || !isMeant(rule, device)) continue;
			if (hasFailed) this.#raise({ rule: rule.name, device, subject: job, text: `${device} ${job} ${text}`, raisedAt: at });
			else for (const each of this.list()) if (each.rule === rule.name && each.device === device) this.#clear(rule.name, device, each.subject, at, `${device} ${job} ${text}`);
		}
	}

	/** A heartbeat came. */
	metrics(device: string, values: Readonly<Record<string, number>>, at: number): void {
		for (const rule of this.#rules) {
			if (rule.when !== "metric" || !isMeant(rule, device) || !Object.hasOwn(values, rule.metric)) continue;
			const value = values[rule.metric]!, text = `${device} ${rule.metric} is ${value}`;
			if (isOut(rule, value)) this.#raise({ rule: rule.name, device, subject: "", text: `${text}, ${boundOf(rule, value)}`, raisedAt: at });
			else this.#clear(rule.name, device, "", at, text);
		}
	}

	/** Tells of who has been away for too long. @param now the wall clock */
	expire(now: number): void {
		if (now < this.#deadline) return;
		this.#deadline = Infinity;
		for (const rule of this.#rules) {
			if (rule.when !== "offline") continue;
			for (const [device, since] of this.#away) {
				if (!isMeant(rule, device) || this.#raised.has(keyOf({ rule: rule.name, device, subject: "" }))) continue;
				if (since + rule.for <= now) this.#raise({ rule: rule.name, device, subject: "", text: `${device} has been offline since ${new Date(since).toISOString()}`, raisedAt: now });
				else this.#deadline = Math.min(this.#deadline, since + rule.for);
			}
		}
	}

	#happened(when: Rule["when"], device: string, subject: string, text: string, at: number): void {
		for (const rule of this.#rules) {
			if (rule.when === when && isMeant(rule, device)) this.onNotification?.({ rule: rule.name, device, subject, text, raisedAt: at, clearedAt: at });
		}
	}

	#raise(notification: Notification): void {
		const key = keyOf(notification);
		if (this.#raised.has(key)) return;
		this.#raised.set(key, notification);
		this.onNotification?.(notification);
	}

	#clear(rule: string, device: string, subject: string, at: number, text: string): void {
		const key = keyOf({ rule, device, subject }), raised = this.#raised.get(key);
		if (raised === undefined) return;
		this.#raised.delete(key);
		this.onNotification?.({ ...raised, text, clearedAt: Math.max(at, raised.raisedAt + 1) });
	}
}

function keyOf({ rule, device, subject }: Pick<Notification, "rule" | "device" | "subject">): Key {
	return JSON.stringify([rule, device, subject]);
}

function isOut({ above = Infinity, below = -Infinity }: MetricRule, value: number): boolean {
	return value > above || value < below;
}

function boundOf({ above = Infinity, below }: MetricRule, value: number): string {
	return value > above ? `above ${above}` : `below ${below}`;
}
