// SPDX-License-Identifier: Apache-2.0
/** What a device says of a command: `{status, statusReason?, result?}`, checked. */
import { Buffer } from "buffer";
import { isObject } from "../../services/json.js";
import type { Format } from "../../services/formats.js";
import { Request } from "./request.js";

const STATUSES = Object.freeze(["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"] as const);

export interface StatusReason {
	reasonCode: string;
	reasonDescription?: string | undefined;
}

export type CommandResult = Readonly<Record<string, string | boolean | Uint8Array>>;

export interface CommandResponse {
	status: typeof STATUSES[number];
	statusReason: StatusReason | undefined;
	result: CommandResult | undefined;
}

const REASON_CODE = /^[A-Z0-9_-]{1,64}$/;
/** Characters. */
const DESCRIPTION_MAXIMUM = 1024;
const RESULT_KEY = /^[a-zA-Z0-9:_-]{1,128}$/;
const RESULT_MAXIMUM = 100;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** @throws Rejection `InvalidRequest` */
export function readResponse(response: Request, format: Format): CommandResponse {
	const status = STATUSES.find(each => each === response.member("status"));
	if (status === undefined) throw response.wrong(`status must be one of ${STATUSES.join(", ")}`);
	return { status, statusReason: readReason(response), result: readResult(response, format) };
}

function readReason(response: Request): StatusReason | undefined {
	const reason = response.texts("statusReason");
	if (reason === undefined) return undefined;
	const { reasonCode = "", reasonDescription } = reason;
	if (!REASON_CODE.test(reasonCode)) throw response.wrong("reasonCode must have 1 to 64 characters of A-Z 0-9 _ -");
	if ((reasonDescription?.length ?? 0) > DESCRIPTION_MAXIMUM) throw response.wrong(`reasonDescription must have at most ${DESCRIPTION_MAXIMUM} characters`);
	return { reasonCode, reasonDescription };
}

function readResult(response: Request, format: Format): CommandResult | undefined {
	const result = response.member("result");
	if (result === undefined) return undefined;
	const entries = isObject(result) && !(result instanceof Uint8Array) ? Object.entries(result) : [];
	if (entries.length === 0 || entries.length > RESULT_MAXIMUM) throw response.wrong(`result must be an object of 1 to ${RESULT_MAXIMUM} members`);
	const values = Object.create(null) as Record<string, string | boolean | Uint8Array>;
	for (const [key, item] of entries) {
		const value = isObject(item) && Object.keys(item).length === 1 ? readValue(item, format) : undefined;
		if (!RESULT_KEY.test(key) || value === undefined) throw response.wrong("a member of result must have one value of type s, b or bin");
		values[key] = value;
	}
	return values;
}

function readValue(item: object, format: Format): string | boolean | Uint8Array | undefined {
	const [[type, value] = ["", undefined]] = Object.entries(item) as [string, unknown][];
	if (type === "s" && typeof value === "string") return value;
	if (type === "b" && typeof value === "boolean") return value;
	if (type !== "bin") return undefined;
	if (format === "cbor") return value instanceof Uint8Array ? value : undefined;
	return typeof value === "string" && value.length % 4 === 0 && BASE64.test(value) ? Uint8Array.from(Buffer.from(value, "base64")) : undefined;
}
