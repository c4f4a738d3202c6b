// SPDX-License-Identifier: Apache-2.0
/** What a job says of an update: where its release is. All else is in the release, and signed. */
import { isObject, type JSONObject, type JSONValue } from "../bytes/value.js";
import { UpdateError } from "./failure.js";

/** Members of documents that are updates. */
export const UPDATE_MEMBERS: readonly string[] = Object.freeze([
	"update", "url", "stream", "file", "percent", "rollback",
	"afr_ota", "protocols", "streamname", "files", "fileid", "filesize", "update_data_url",
]);

export interface Offer {
	/** The image before is wanted back; all else is empty then. */
	readonly isRollback: boolean;
	/** The job is one of AWS IoT OTA, which has words of its own for how far it is. */
	readonly isClassic: boolean;
	readonly url: string | undefined;
	readonly stream: string | undefined;
	/** Of the stream. */
	readonly file: number;
	/** Of the devices that are offered it, how many shall begin, from 0 to 100. */
	readonly percent: number;
}

/** @returns `undefined` for a document that is about something else. @throws UpdateError `malformed` */
export function readOffer(document: JSONObject): Offer | undefined {
	const { update, afr_ota: classic } = document;
	if (isObject(update)) return ownOffer(update);
	return isObject(classic) ? classicOffer(classic) : undefined;
}

function ownOffer({ url, stream, file = 0, percent = 100, rollback }: JSONObject): Offer {
	const isRollback = rollback === true;
	if (!isRollback && (isText(url) ? 1 : 0) + (isText(stream) ? 1 : 0) !== 1) {
		throw new UpdateError("malformed", "an update has a URL or a stream");
	}
	if (typeof percent !== "number") throw new UpdateError("malformed", "percent is a number");
	return {
		isRollback, isClassic: false, url: textOf(url), stream: textOf(stream), file: fileOf(file), percent,
	};
}

/** Spec: the job document of AWS IoT OTA. Of several files and protocols the first is taken. */
function classicOffer({ protocols, streamname, files }: JSONObject): Offer {
	const file = Array.isArray(files) ? files[0] : undefined;
	const protocol = Array.isArray(protocols) ? protocols[0] : undefined;
	if (!isObject(file)) throw new UpdateError("malformed", "an OTA update has a file");
	const byWeb = protocol === "HTTP";
	const place = byWeb ? file["update_data_url"] : streamname;
	if (!isText(place)) throw new UpdateError("malformed", "an OTA update says where its file is");
	return {
		isRollback: false, isClassic: true, url: byWeb ? place : undefined, stream: byWeb ? undefined : place,
		file: fileOf(file["fileid"] ?? 0), percent: 100,
	};
}

function fileOf(value: JSONValue): number {
	if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255) return value;
	throw new UpdateError("malformed", "a file is a number from 0 to 255");
}

function isText(value: JSONValue | undefined): value is string {
	return typeof value === "string" && value !== "";
}

function textOf(value: JSONValue | undefined): string | undefined {
	return isText(value) ? value : undefined;
}
