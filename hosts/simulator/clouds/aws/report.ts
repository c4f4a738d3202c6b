// SPDX-License-Identifier: Apache-2.0
/** What a report of Device Defender can hold: its members by their long and short names, and what each must be. */
import { isObject } from "../../services/json.js";
import { Rejection } from "./request.js";

export type Style = "long" | "short";

/** A plain value, an object with these members, a list of such, or the device's own metrics. */
export type Shape = "count" | "text" | "port" | "remote" | "custom" | Members | readonly [Members];
/** By long name: the short one, and what it must be; those marked must be there. */
interface Members { readonly [long: string]: readonly [short: string, shape: Shape, required?: "required"] }

const PORTS: Members = {
	ports: ["pts", [{ port: ["pt", "port", "required"], interface: ["if", "text"] }]],
	total: ["t", "count"],
};

export const HEADER: Members = { report_id: ["rid", "count", "required"], version: ["v", "text", "required"] };
export const METRICS: Members = {
	listening_tcp_ports: ["tp", PORTS],
	listening_udp_ports: ["up", PORTS],
	network_stats: ["ns", { bytes_in: ["bi", "count"], bytes_out: ["bo", "count"], packets_in: ["pi", "count"], packets_out: ["po", "count"] }],
	tcp_connections: ["tc", {
		established_connections: ["ec", {
			connections: ["cs", [{ remote_addr: ["rad", "remote", "required"], local_interface: ["li", "text"], local_port: ["lp", "port"] }]],
			total: ["t", "count"],
		}],
	}],
};
export const CUSTOM: Shape = "custom";

/** Entries of one list, and metrics of the device's own. */
const LIST_MAXIMUM = 1000;
const TEXT_MAXIMUM = 256;
const PORT_MAXIMUM = 65_535;
const METRIC_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;
/** An address of version 4, or one of version 6 in brackets or bare, and a port. */
const REMOTE = /^[0-9a-fA-F.:[\]]{2,48}:([0-9]{1,5})$/;

/**
 * @returns a copy with long names
 * @throws Rejection `InvalidPayload`, `LimitExceeded`
 */
export function read(value: unknown, shape: Shape, style: Style): unknown {
	if (typeof shape === "string") return shape === "custom" ? readCustom(value) : readPlain(value, shape);
	if (isList(shape)) {
		return readList(value).map(item => read(item, shape[0], style));
	}
	if (!isObject(value) || value instanceof Uint8Array) throw invalid("A member must be an object");
	const names = new Map(Object.entries(shape).map(([long, [short]]) => [style === "long" ? long : short, long]));
	const result: Record<string, unknown> = {};
	for (const [name, member] of Object.entries(value)) {
		const long = names.get(name);
		if (long === undefined) throw invalid("There is a member that a report has not");
		result[long] = read(member, shape[long]![1], style);
	}
	const missing = Object.entries(shape).find(([long, [, , required]]) => required !== undefined && !Object.hasOwn(result, long));
	if (missing !== undefined) throw invalid(`The member ${missing[0]} is missing`);
	return result;
}

function readPlain(value: unknown, shape: "count" | "text" | "port" | "remote"): unknown {
	const isGood = shape === "count" ? isCount(value, Number.MAX_SAFE_INTEGER)
		: shape === "port" ? isCount(value, PORT_MAXIMUM)
		: typeof value === "string" && value.length <= TEXT_MAXIMUM && (shape === "text" || isRemote(value));
	if (!isGood) throw invalid(`A member is no ${shape}`);
	return value;
}

/** A name, and a list of one object of one member that tells the type: `{"battery":[{"number":7}]}`. */
function readCustom(value: unknown): unknown {
	if (!isObject(value) || value instanceof Uint8Array) throw invalid("The custom metrics must be an object");
	const metrics = Object.entries(value), result = Object.create(null) as Record<string, unknown>;
	if (metrics.length > LIST_MAXIMUM) throw new Rejection("LimitExceeded", `More than ${LIST_MAXIMUM} custom metrics`);
	for (const [name, list] of metrics) {
		const [item, ...rest] = readList(list);
		if (!METRIC_NAME.test(name) || !isObject(item) || rest.length > 0) throw invalid("A custom metric must be a list of one object");
		const [[type, reading] = ["", undefined], ...others] = Object.entries(item);
		if (others.length > 0 || !isReading(type, reading)) throw invalid("A custom metric must have one value of its type");
		result[name] = reading;
	}
	return result;
}

function isReading(type: string, value: unknown): boolean {
	const isText = (item: unknown) => typeof item === "string" && item.length <= TEXT_MAXIMUM;
	switch (type) {
	case "number": return Number.isFinite(value);
	case "number_list": return readList(value).every(item => Number.isFinite(item));
	case "string_list": case "ip_list": return readList(value).every(isText);
	default: return false;
	}
}

function readList(value: unknown): unknown[] {
	if (!Array.isArray(value)) throw invalid("A member must be a list");
	if (value.length > LIST_MAXIMUM) throw new Rejection("LimitExceeded", `A list has more than ${LIST_MAXIMUM} entries`);
	return value;
}

function isList(shape: Members | readonly [Members]): shape is readonly [Members] {
	return Array.isArray(shape);
}

function isCount(value: unknown, most: number): boolean {
	return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function isRemote(text: string): boolean {
	const [, port] = REMOTE.exec(text) ?? [];
	return port !== undefined && Number(port) <= PORT_MAXIMUM;
}

function invalid(message: string): Rejection {
	return new Rejection("InvalidPayload", message);
}
