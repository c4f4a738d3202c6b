// SPDX-License-Identifier: Apache-2.0
/** Asks a running cloud. */
import { request, type IncomingMessage } from "node:http";
import { DeviceError, type ErrorCode } from "../../../src/base/error.js";

/** ms for which a cloud may say nothing at all; what is followed has its headers at once. */
const PATIENCE = 10_000;

/**
 * @param onItem told of each thing that the cloud answers, until there is no more
 * @param stopped ends it early, and well
 * @throws DeviceError the cloud's own; `unreachable` when there is none, `closed` when it ends meanwhile
 */
export async function ask(
	{ port, token }: { port: number; token: string }, action: string, body: object, onItem: (item: never) => void, stopped?: AbortSignal,
): Promise<void> {
	const response = await send(port, token, action, JSON.stringify(body), stopped);
	if (response === undefined) return;
	const stop = (): void => { response.destroy(); };
	stopped?.addEventListener("abort", stop);
	if (stopped?.aborted === true) stop();
	try {
		for await (const line of linesOf(response.setEncoding("utf8"))) {
			const { item, error } = JSON.parse(line) as { item?: unknown; error?: { code: ErrorCode; message: string } };
			if (error !== undefined) throw new DeviceError(error.code, error.message);
			onItem(item as never);
		}
	} catch (error) {
		if (stopped?.aborted === true) return;
		if (error instanceof Error && error.name === "DeviceError") throw error;
		throw new DeviceError("closed", "the cloud has ended", { cause: error });
	} finally {
		stopped?.removeEventListener("abort", stop);
		response.destroy();
	}
}

/** Node's own reader of lines waits for ever where its stream is ended early. */
async function* linesOf(stream: AsyncIterable<string>): AsyncGenerator<string> {
	let rest = "";
	for await (const chunk of stream) {
		const lines = (rest + chunk).split("\n");
		rest = lines.pop()!;
		yield* lines;
	}
}

/** @returns `undefined` when it was stopped before there was an answer */
function send(port: number, token: string, action: string, body: string, stopped: AbortSignal | undefined): Promise<IncomingMessage | undefined> {
	return new Promise((resolve, reject) => {
		if (stopped?.aborted === true) return resolve(undefined);
		const asked = request({
			host: "127.0.0.1", port, path: `/${action}`, method: "POST", agent: false,
			headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) },
		});
		const stop = (): void => { asked.destroy(); };
		stopped?.addEventListener("abort", stop);
		asked.setTimeout(PATIENCE, () => { asked.destroy(new Error("it does not answer")); });
		asked.on("response", response => {
			asked.setTimeout(0);
			stopped?.removeEventListener("abort", stop);
			resolve(response);
		});
		asked.on("error", error => {
			if (stopped?.aborted === true) return resolve(undefined);
			reject(new DeviceError("unreachable", `cannot reach the cloud: ${error.message}`, { cause: error }));
		});
		asked.end(body);
	});
}
