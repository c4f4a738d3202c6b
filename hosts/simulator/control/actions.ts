// SPDX-License-Identifier: Apache-2.0
/** What can be asked of a running cloud, each as one action: a JSON object in, and things to say out. */
import { DeviceError } from "../../../src/base/error.js";
import { CONFIGURATION, isOver } from "../operations/operations.js";
import type { DeviceStatistics } from "../operations/statistics.js";
import { decodeText, isObject, type JsonObject } from "../services/json.js";
import { isDeviceId } from "../services/registry.js";
import { LIST_MAXIMUM } from "../stores/stores.js";
import type { Row, TableName } from "../stores/tables.js";
import type { Operated } from "./operated.js";
import type { Act, Reply } from "./server.js";

/** One of `moorline devices`. */
export interface DeviceView extends Partial<DeviceStatistics> {
	readonly device: string;
	readonly online: boolean;
	/** Only where one device was asked for. */
	readonly shadows?: readonly string[] | undefined;
	readonly crashReports?: readonly Row<"crashes">[] | undefined;
	readonly updateList?: readonly Row<"updates">[] | undefined;
	readonly commandList?: readonly Row<"commands">[] | undefined;
}

type Action = (body: JsonObject, reply: Reply) => void;

/** Of what one device did lately. */
const DETAILS_MAXIMUM = 20;
const ROWS_DEFAULT = 100;
/** ms that a command may take where nobody says. */
const COMMAND_TIMEOUT = 60_000;
const COMMAND_TIMEOUT_MAXIMUM = 12 * 3_600_000;
/** ms that a device is given beyond that to say how it ended. */
const GRACE = 1_000;
const FOLLOWED: Readonly<Record<string, TableName>> = Object.freeze({ logs: "logs", messages: "messages", traces: "traces", notifications: "notifications" });

export class ControlActions {
	readonly #cloud: Operated;
	readonly #followers = new Set<(name: TableName, row: Row<TableName>) => void>();
	readonly #actions: Readonly<Record<string, Action>> = Object.freeze({
		devices: (body: JsonObject, reply: Reply) => { this.#devices(body, reply); },
		shadow: (body: JsonObject, reply: Reply) => { this.#shadow(body, reply); },
		configuration: (body: JsonObject, reply: Reply) => { this.#configuration(body, reply); },
		command: (body: JsonObject, reply: Reply) => { this.#command(body, reply); },
		cancel: (body: JsonObject, reply: Reply) => { this.#cancel(body, reply); },
		records: (body: JsonObject, reply: Reply) => { this.#records(body, reply); },
		stats: (body: JsonObject, reply: Reply) => { this.#stats(body, reply); },
	});

	constructor(cloud: Operated) {
		this.#cloud = cloud;
		cloud.operations.stores.onAdded = (name, row) => { for (const follower of this.#followers) follower(name, row); };
	}

	readonly act: Act = (name, body, reply) => {
		const action = Object.hasOwn(this.#actions, name) ? this.#actions[name] : undefined;
		if (action === undefined) throw new DeviceError("unsupported", `this cloud does not know how to do ${name}`);
		action(body, reply);
	};

	#devices(body: JsonObject, reply: Reply): void {
		const { stores } = this.#cloud.operations;
		if (body["device"] === undefined) {
			for (const each of this.#cloud.devices()) reply.say(this.#view(each));
			return reply.end();
		}
		const device = this.#device(body), where = { device }, limit = DETAILS_MAXIMUM;
		reply.say({
			...this.#view(device), shadows: this.#cloud.shadows(device), crashReports: stores.list("crashes", { where, limit }),
			updateList: stores.list("updates", { where, limit }), commandList: stores.list("commands", { where, limit }),
		});
		reply.end();
	}

	/** Its numbers, up to now. */
	#view(device: string): DeviceView {
		const statistics = this.#cloud.operations.statistics.get(device);
		if (statistics === undefined) return { device, online: false };
		const { online, onlineTime, lastSeenAt = Date.now() } = statistics;
		return { ...statistics, onlineTime: onlineTime + (online ? Math.max(0, Date.now() - lastSeenAt) : 0) };
	}

	#shadow(body: JsonObject, reply: Reply): void {
		const device = this.#device(body), name = textOf(body, "name", ""), patch = patchOf(body);
		if (patch !== undefined) this.#cloud.desire(device, name, patch);
		reply.say(this.#cloud.shadow(device, name));
		reply.end();
	}

	#configuration(body: JsonObject, reply: Reply): void {
		const device = this.#device(body), patch = patchOf(body);
		if (patch !== undefined) this.#cloud.desire(device, CONFIGURATION, patch);
		const history = this.#cloud.operations.stores.list("configurations", { where: { device }, limit: DETAILS_MAXIMUM });
		reply.say({ ...this.#cloud.shadow(device, CONFIGURATION), history });
		reply.end();
	}

	/** Sends a command and says what becomes of it, until it is over or nobody listens. */
	#command(body: JsonObject, reply: Reply): void {
		const device = this.#device(body), { payload } = body, timeout = countOf(body, "timeout", COMMAND_TIMEOUT, COMMAND_TIMEOUT_MAXIMUM);
		if (!isObject(payload)) throw new DeviceError("argument", "a command is an object");
		const id = this.#cloud.send(device, payload, { timeout, id: body["id"] === undefined ? undefined : textOf(body, "id", "") });
		const online = this.#cloud.operations.statistics.get(device)?.online === true;
		reply.say({ device, command: id, status: "CREATED", online });
		this.#cloud.operations.command(device, { id, status: "CREATED", payload });
		const stop = this.#follow("commands", device, reply, row => {
			if (row.command !== id) return;
			const content = isOver(row.status!) ? this.#cloud.reply(device, id) : undefined;
			reply.say({ ...row, ...(content === undefined ? {} : contentOf(content)) });
			if (!isOver(row.status!)) return;
			clearTimeout(timer);
			stop();
			reply.end();
		});
		// Whoever sent it may be gone by then; what became of it is known all the same.
		const timer = setTimeout(() => {
			this.#cloud.operations.command(device, { id, status: "TIMED_OUT", description: `not ended within ${timeout} ms` });
		}, timeout + GRACE);
		timer.unref();
		reply.onGone = undefined;
		if (body["wait"] === false) reply.end();
	}

	#cancel(body: JsonObject, reply: Reply): void {
		const device = this.#device(body), id = textOf(body, "id", "");
		this.#cloud.cancel(device, id);
		reply.say({ device, command: id, status: "CANCELED" });
		reply.end();
	}

	/** The newest rows of a store, and with `follow` those that come. */
	#records(body: JsonObject, reply: Reply): void {
		const store = textOf(body, "store", ""), name = Object.hasOwn(FOLLOWED, store) ? FOLLOWED[store]! : undefined;
		if (name === undefined) throw new DeviceError("argument", `there is no store of ${store}`);
		const device = body["device"] === undefined ? undefined : this.#device(body);
		const limit = countOf(body, "limit", ROWS_DEFAULT, LIST_MAXIMUM);
		const rows = this.#cloud.operations.stores.list(name, { where: device === undefined ? {} : { device }, limit });
		for (const row of rows) reply.say(shown(row));
		reply.say({ listed: true });
		if (body["follow"] !== true) return reply.end();
		this.#follow(name, device, reply, row => { reply.say(shown(row)); });
	}

	#stats(body: JsonObject, reply: Reply): void {
		const { statistics, notifications } = this.#cloud.operations;
		const device = body["device"] === undefined ? undefined : this.#device(body);
		const raised = notifications.list().filter(each => device === undefined || each.device === device);
		reply.say({ ...(device === undefined ? statistics.fleet() : this.#view(device)), raised });
		reply.end();
	}

	/** @returns ends it */
	#follow<Name extends TableName>(name: Name, device: string | undefined, reply: Reply, onRow: (row: Row<Name>) => void): () => void {
		const follower = (added: TableName, row: Row<TableName>): void => {
			if (added === name && (device === undefined || row.device === device)) onRow(row as Row<Name>);
		};
		this.#followers.add(follower);
		const stop = (): void => { this.#followers.delete(follower); };
		reply.onGone = stop;
		return stop;
	}

	/** @throws DeviceError `argument` */
	#device(body: JsonObject): string {
		const device = textOf(body, "device", "");
		if (!isDeviceId(device) || !this.#cloud.knows(device)) throw new DeviceError("argument", `there is no device ${JSON.stringify(device.slice(0, 128))}`);
		return device;
	}
}

/** JSON has no bytes: text where they are some, else base64. */
function shown(row: Row<TableName>): object {
	const { content, ...rest } = row as Row<"messages">;
	if (content === undefined) return row;
	return { ...rest, ...contentOf(content) };
}

function contentOf(content: Uint8Array): { text: string } | { base64: string } {
	const text = decodeText(content);
	return text === undefined ? { base64: Buffer.from(content).toString("base64") } : { text };
}

function textOf(body: JsonObject, name: string, otherwise: string): string {
	const value = body[name] ?? otherwise;
	if (typeof value !== "string") throw new DeviceError("argument", `${name} is not a string`);
	return value;
}

function countOf(body: JsonObject, name: string, otherwise: number, maximum: number): number {
	const value = body[name] ?? otherwise;
	if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > maximum) throw new DeviceError("argument", `${name} is not a whole number from 1 to ${maximum}`);
	return value as number;
}

function patchOf(body: JsonObject): JsonObject | undefined {
	const patch = body["patch"];
	if (patch !== undefined && !isObject(patch)) throw new DeviceError("argument", "what is desired is not an object");
	return patch;
}
