// SPDX-License-Identifier: Apache-2.0
/**
 * Commands: what an operator tells one device to do, and what the device says of it.
 *
 * Pure. A command is sent once; a device that is away gets it from its persistent session or not at all.
 * That nobody answered in time is only the cloud's guess: what the device says later counts.
 */
import { DeviceError } from "../../../../src/base/error.js";
import { encode, isFormat } from "../../services/formats.js";
import { parseRequest, Rejection } from "./request.js";
import { readResponse, type CommandResponse, type CommandResult, type StatusReason } from "./response.js";
import type { AwsContext, AwsMessage, AwsService } from "./service.js";

export type CommandStatus = "CREATED" | CommandResponse["status"];
/** A registered thing, or any client by its id. */
export type CommandTarget = { thing: string } | { client: string };

export interface CommandOptions {
	/** Default: `command`. */
	commandId?: string | undefined;
	payload: Uint8Array;
	/** `application/json` and `application/cbor` have topics of their own. */
	contentType: string;
	/** Seconds, at most 12 hours; default 10. */
	timeout?: number | undefined;
}

export interface CommandExecution {
	/** `things/lamp`, as in the topic. */
	readonly target: string;
	readonly executionId: string;
	readonly commandId: string;
	readonly status: CommandStatus;
	readonly statusReason?: StatusReason | undefined;
	readonly result?: CommandResult | undefined;
}

export interface CommandsOptions {
	/** Executions kept; beyond, the oldest that has ended makes room, and `send` throws `full` when there is none. */
	executionCountMaximum?: number | undefined;
}

interface Execution {
	executionId: string;
	commandId: string;
	/** `things/lamp`, as in the topic. */
	target: string;
	status: CommandStatus;
	statusReason: StatusReason | undefined;
	result: CommandResult | undefined;
	/** Seconds. */
	timeout: number;
	/** Monotonic ms; undefined until time is told. */
	deadline: number | undefined;
	/** True: the device has spoken its last word. */
	hasEnded: boolean;
}

/** What the cloud gives as a reason when time is up. */
export const NO_RESPONSE = "$NO_RESPONSE_FROM_DEVICE";
const EXECUTION_COUNT_MAXIMUM = 10_000;
const TIMEOUT_DEFAULT = 10;
const TIMEOUT_MAXIMUM = 12 * 3600;
const PAYLOAD_MAXIMUM = 131_072;
const NAME = /^[a-zA-Z0-9:_-]{1,128}$/;
const COMMAND_ID = /^[a-zA-Z0-9_-]{1,64}$/;

export class CommandsService implements AwsService {
	/** Runs after each change of an execution. */
	onChanged: ((execution: CommandExecution) => void) | undefined;
	/** While true every response is answered `InternalError`. */
	failing = false;
	readonly #context: AwsContext;
	readonly #executionCountMaximum: number;
	readonly #executions = new Map<string, Execution>();
	#sent = 0;
	#deadline = Infinity;

	constructor(context: AwsContext, options: CommandsOptions = {}) {
		this.#context = context;
		this.#executionCountMaximum = options.executionCountMaximum ?? EXECUTION_COUNT_MAXIMUM;
	}

	get deadline(): number { return this.#deadline; }

	/**
	 * @returns the execution's id
	 * @throws DeviceError `argument`, `too-large`, `full`
	 */
	send(target: CommandTarget, options: CommandOptions): string {
		const { payload, contentType, commandId = "command", timeout = TIMEOUT_DEFAULT } = options, path = this.#pathOf(target);
		if (!COMMAND_ID.test(commandId)) throw new DeviceError("argument", `cannot send "${commandId}": not a command id`);
		if (!Number.isInteger(timeout) || timeout < 1 || timeout > TIMEOUT_MAXIMUM) throw new DeviceError("argument", `cannot send ${commandId}: a timeout of ${timeout} s`);
		if (payload.byteLength > PAYLOAD_MAXIMUM) throw new DeviceError("too-large", `cannot send ${commandId}: ${payload.byteLength} bytes, at most ${PAYLOAD_MAXIMUM}`);
		this.#makeRoom(commandId);
		// Like no other ever, as devices remember them.
		this.#sent = Math.max(this.#sent + 1, Math.floor(this.#context.wall()));
		const executionId = `${commandId.slice(0, 48)}-${this.#sent.toString(36)}`;
		const execution: Execution = {
			executionId, commandId, target: path, status: "CREATED", statusReason: undefined, result: undefined, timeout, deadline: undefined, hasEnded: false,
		};
		this.#executions.set(executionId, execution);
		// At once: an operator's call comes without the time, and `expire` is told it.
		this.#deadline = 0;
		const [, format] = /^application\/(json|cbor)$/.exec(contentType) ?? [];
		const topic = `$aws/commands/${path}/executions/${executionId}/request${format === undefined ? "" : `/${format}`}`;
		this.#tell(execution);
		this.#context.publish(topic, payload, { contentType, messageExpiry: timeout });
		return executionId;
	}

	execution(executionId: string): CommandExecution | undefined {
		const execution = this.#executions.get(executionId);
		return execution && view(execution);
	}

	receive(message: AwsMessage): boolean {
		const { levels, payload, topic } = message, [, , kind, id, , executionId, , format] = levels as string[];
		if (levels[1] !== "commands" || levels[4] !== "executions" || levels[6] !== "response" || levels.length !== 8 || !isFormat(format)) return false;
		if (kind !== "things" && kind !== "clients") return false;
		const base = topic.slice(0, -format.length);
		try {
			if (this.failing) throw new Rejection("InternalError", "Internal error");
			const response = parseRequest(format, payload);
			this.#update(`${kind}/${id!}`, executionId!, readResponse(response, format));
			this.#context.publish(`${base}accepted/${format}`, encode(format, { executionId }));
		} catch (error) {
			if (!(error instanceof Rejection)) throw error;
			this.#context.publish(`${base}rejected/${format}`, encode(format, { error: error.code, errorMessage: error.message, executionId }));
		}
		return true;
	}

	expire(now: number): void {
		if (now < this.#deadline) return;
		this.#deadline = Infinity;
		for (const execution of this.#executions.values()) {
			execution.deadline ??= now + execution.timeout * 1000;
			if (execution.deadline > now) {
				this.#deadline = Math.min(this.#deadline, execution.deadline);
				continue;
			}
			execution.deadline = Infinity;
			execution.status = "TIMED_OUT";
			execution.statusReason = { reasonCode: NO_RESPONSE };
			this.#tell(execution);
		}
	}

	#update(target: string, executionId: string, response: CommandResponse): void {
		const execution = this.#executions.get(executionId), { status, statusReason, result } = response;
		if (execution?.target !== target) throw new Rejection("ResourceNotFound", `There is no execution ${executionId}`);
		if (execution.hasEnded) throw new Rejection("InvalidStateTransition", `Cannot update from ${execution.status} to ${status}`);
		execution.status = status;
		execution.statusReason = statusReason;
		execution.result = result ?? execution.result;
		execution.hasEnded = status !== "IN_PROGRESS";
		if (execution.hasEnded) execution.deadline = Infinity;
		this.#tell(execution);
	}

	/** An event for whoever observes commands. */
	#tell(execution: Execution): void {
		const { executionId, commandId, status, statusReason } = execution;
		const event = { executionId, status, statusReason, eventType: "COMMAND_EXECUTION", timestamp: this.#context.wall() };
		this.#context.publish(`$aws/events/commandExecution/${commandId}/${status}`, encode("json", event));
		this.onChanged?.(view(execution));
	}

	#makeRoom(commandId: string): void {
		if (this.#executions.size < this.#executionCountMaximum) return;
		const oldest = [...this.#executions.values()].find(each => each.hasEnded);
		if (oldest === undefined) throw new DeviceError("full", `cannot send ${commandId}: too many commands have not ended`);
		this.#executions.delete(oldest.executionId);
	}

	#pathOf(target: CommandTarget): string {
		const [kind, id] = "thing" in target ? ["things", target.thing] : ["clients", target.client];
		if (!NAME.test(id)) throw new DeviceError("argument", `cannot send a command to "${id}": not a name`);
		if ("thing" in target && !this.#context.hasThing(id)) throw new DeviceError("argument", `cannot send a command: there is no thing ${id}`);
		return `${kind}/${id}`;
	}
}

function view({ target, executionId, commandId, status, statusReason, result }: Execution): CommandExecution {
	return { target, executionId, commandId, status, statusReason, result };
}
