// SPDX-License-Identifier: Apache-2.0
/** What an operator says of a job of the simulated AWS, and what of it cannot be. */
import { DeviceError } from "../../../../src/base/error.js";
import type { JsonObject } from "../../services/json.js";
import { encodeJson, isObject, parseJson } from "../../services/json.js";

export interface JobOptions {
	/** 1 to 64 characters of `a-z A-Z 0-9 _ -`. */
	jobId: string;
	document: JsonObject;
	/** Registered things; each gets an execution of its own. */
	things: readonly string[];
	/** 1 to 10080, counted from when an execution is in progress. Absent: no limit. */
	inProgressTimeoutInMinutes?: number | undefined;
	/** How often an execution that ended so is queued again; 10 times in all. */
	retry?: { failed?: number | undefined; timedOut?: number | undefined } | undefined;
}

export interface JobsLimits {
	/** Bytes of a job document as JSON. */
	documentMaximum: number;
	/** Jobs; `create` throws `full` beyond. */
	jobCountMaximum: number;
	/** Executions of all jobs, retries included; `create` throws `full` beyond, and nothing is retried. */
	executionCountMaximum: number;
	/** Requests per second for the whole account; more are refused with `RequestThrottled`. */
	readsPerSecond: number;
	writesPerSecond: number;
}

export const DEFAULT_JOBS_LIMITS: Readonly<JobsLimits> = Object.freeze({
	documentMaximum: 32 * 1024, jobCountMaximum: 1000, executionCountMaximum: 100_000, readsPerSecond: 200, writesPerSecond: 200,
});

export const JOB_ID = /^[a-zA-Z0-9_-]{1,64}$/;
/** Minutes that a timer can run. */
export const TIMEOUT_MAXIMUM = 10_080;
const RETRIES_MAXIMUM = 10;

/**
 * @returns a copy of the document, as a message would carry it
 * @throws DeviceError `argument`, `too-large` for the document
 */
export function checkJob(options: JobOptions, documentMaximum: number): JsonObject {
	const { jobId, document, inProgressTimeoutInMinutes: timeout = 1, retry = {} } = options;
	const { failed = 0, timedOut = 0 } = retry;
	if (!JOB_ID.test(jobId)) throw new DeviceError("argument", `cannot create job "${jobId}": not a job id`);
	if (!isObject(document)) throw new DeviceError("argument", `cannot create job ${jobId}: its document is no object`);
	if (!isBetween(timeout, 1, TIMEOUT_MAXIMUM)) throw new DeviceError("argument", `cannot create job ${jobId}: a timeout of ${timeout} minutes`);
	if (!isBetween(failed, 0, RETRIES_MAXIMUM) || !isBetween(timedOut, 0, RETRIES_MAXIMUM - failed)) {
		throw new DeviceError("argument", `cannot create job ${jobId}: more than ${RETRIES_MAXIMUM} retries`);
	}
	const bytes = encodeJson(document);
	if (bytes.byteLength > documentMaximum) throw new DeviceError("too-large", `cannot create job ${jobId}: ${bytes.byteLength} bytes, at most ${documentMaximum}`);
	return parseJson(bytes) as JsonObject;
}

function isBetween(value: number, least: number, most: number): boolean {
	return Number.isInteger(value) && value >= least && value <= most;
}
