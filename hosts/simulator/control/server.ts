// SPDX-License-Identifier: Apache-2.0
/**
 * The door to a running cloud for further commands: HTTP on the loopback, for who knows the token.
 *
 * An action is asked for by its name and a JSON object; the answer is a line of JSON for each thing that there is to
 * say, and may go on for as long as the asker listens. A browser cannot come in: it does not know the token.
 */
import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DeviceError, toDeviceError } from "../../../src/base/error.js";
import { isObject, parseJson, type JsonObject } from "../services/json.js";
import { claimPlace, newToken } from "./place.js";

/** What an action says its answer by. */
export interface Reply {
	say(item: object): void;
	end(): void;
	/** Runs when the asker has gone, or was too slow. */
	onGone: (() => void) | undefined;
}

/** Throws a DeviceError what cannot be done. */
export type Act = (action: string, body: JsonObject, reply: Reply) => void;

export interface ControlServer {
	/** From now on there is a cloud to ask. */
	serve(act: Act): void;
	/** Ends it, with everybody who still listens. */
	close(): Promise<void>;
}

const BODY_MAXIMUM = 64 * 1024;
/** Bytes that wait for one asker; more and it is cut off, as the cloud cannot wait. */
const WAITING_MAXIMUM = 16 * 1024 * 1024;
const ASKERS_MAXIMUM = 64;
/** ms for a whole request. */
const REQUEST_TIMEOUT = 5_000;

/** Takes the directory, so that no other cloud does. @throws DeviceError `state` when another one has; `storage`, `unreachable` */
export async function openControl(directory: string): Promise<ControlServer> {
	const token = newToken();
	let act: Act = () => { throw new DeviceError("state", "the cloud is about to begin"); };
	const server = createServer({ headersTimeout: REQUEST_TIMEOUT, requestTimeout: REQUEST_TIMEOUT }, (request, response) => {
		answer(request, response, token, (action, body, reply) => { act(action, body, reply); }).catch(() => { response.destroy(); });
	});
	server.maxConnections = ASKERS_MAXIMUM;
	const port = await listen(server);
	const close = async (): Promise<void> => {
		server.closeAllConnections();
		await new Promise(resolve => server.close(resolve));
	};
	try {
		const release = await claimPlace(directory, { pid: process.pid, port, token });
		return {
			serve: next => { act = next; },
			close: async () => {
				release();
				await close();
			},
		};
	} catch (error) {
		await close();
		throw error;
	}
}

function listen(server: Server): Promise<number> {
	return new Promise((resolve, reject) => {
		server.once("error", error => { reject(new DeviceError("unreachable", `cannot listen on 127.0.0.1: ${error.message}`, { cause: error })); });
		server.listen(0, "127.0.0.1", () => { resolve((server.address() as AddressInfo).port); });
	});
}

async function answer(request: IncomingMessage, response: ServerResponse, token: string, act: Act): Promise<void> {
	if (!isKnown(request, token)) return refuse(response, 401, new DeviceError("credential", "this is not the token of the cloud"));
	const action = /^\/([a-z]{1,32})$/.exec(request.url ?? "")?.[1];
	if (request.method !== "POST" || action === undefined) return refuse(response, 404, new DeviceError("argument", "no such action"));
	const body = await read(request);
	if (body === undefined) return refuse(response, 400, new DeviceError("argument", `expected a JSON object of at most ${BODY_MAXIMUM} bytes`));
	const reply: Reply = {
		say(item) {
			if (response.destroyed || response.writableEnded) return;
			response.write(`${JSON.stringify({ item })}\n`);
			if (response.writableLength > WAITING_MAXIMUM) response.destroy();
		},
		end() { response.end(); },
		onGone: undefined,
	};
	response.on("close", () => { reply.onGone?.(); });
	try {
		// Enough for a second cloud to know that the directory has one.
		if (action === "hello") reply.end();
		else act(action, body, reply);
	} catch (error) {
		return refuse(response, 400, toDeviceError(error, "internal", `cannot do ${action}`));
	}
	// What is followed may say nothing for long: the asker shall know that it is heard.
	if (!response.headersSent) response.flushHeaders();
}

function isKnown({ headers: { authorization = "" } }: IncomingMessage, token: string): boolean {
	const given = Buffer.from(authorization), expected = Buffer.from(`Bearer ${token}`);
	return given.byteLength === expected.byteLength && timingSafeEqual(given, expected);
}

/** @returns `undefined` for what is no JSON object, or too large */
async function read(request: IncomingMessage): Promise<JsonObject | undefined> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request as AsyncIterable<Buffer>) {
		size += chunk.byteLength;
		if (size > BODY_MAXIMUM) return undefined;
		chunks.push(chunk);
	}
	try {
		const body = parseJson(Buffer.concat(chunks));
		return isObject(body) ? body : undefined;
	} catch {
		return undefined;
	}
}

function refuse(response: ServerResponse, status: number, { code, message }: DeviceError): void {
	if (!response.headersSent) response.writeHead(status, { "content-type": "application/json", connection: "close" });
	response.end(`${JSON.stringify({ error: { code, message } })}\n`);
}
