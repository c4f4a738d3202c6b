// SPDX-License-Identifier: Apache-2.0
/** The public surface of Moorline: a device, and what a program meets when it uses one. */
export { DeviceError, type ErrorCode } from "./base/error.js";
export { Secret } from "./base/secret.js";
export type { Backoff } from "./base/backoff.js";
export type { JSONObject, JSONValue } from "./bytes/value.js";
export type { Firmware } from "./base/firmware.js";
export type { Cloud, PublishOptions } from "./clouds/cloud.js";
export {
	Device, type DeviceComponent, type DeviceConfiguration, type DeviceOptions, type DeviceUpdate, type NamedShadow,
	type ShadowHandlers,
} from "./device.js";
export type { Host } from "./host.js";
export type { Command, CommandResult, CommandStatus } from "./operations/command.js";
export { command, type Call, type CommandTable, type Declaration } from "./operations/declared.js";
export type { ConfigurationHandlers, ConfigurationReason, ConfigurationState } from "./operations/configuration.js";
export type { Job, JobDetails, JobStatus } from "./operations/jobs.js";
export type { LogLevel } from "./operations/log-level.js";
export type { LogOptions } from "./operations/log.js";
export type { Logger } from "./operations/logger.js";
export type { LogFields, LogValue } from "./operations/log-record.js";
export type { Counter, Gauge, Meters, Timing } from "./operations/meters.js";
export type { Metric, MetricsReport, NetworkStatistics } from "./operations/metrics.js";
export type { ReplySource } from "./operations/reply.js";
export type { DownloadCallbacks, DownloadOptions } from "./ota/download.js";
export type { OpenDownload } from "./ota/stream-source.js";
export type { FailureReason } from "./ota/failure.js";
export type { UpdatePolicy, WaitReason } from "./ota/policy.js";
export type { Release } from "./ota/acquisition.js";
export type { HeartbeatHandlers, OperationsHandlers } from "./operations.js";
export type { UpdateHandlers } from "./updates.js";
export type { ProvisioningOptions, ProvisioningParameters } from "./identity/provisioning.js";
export { boolean, list, model, number, string } from "./shadow/model.js";
export type { Document, Field, FieldOptions, Model, Patch, Rule } from "./shadow/model.js";
export { createCSR, type CSROptions, type Subject } from "./identity/csr.js";
export { CredentialStore, type Candidate, type Credentials } from "./identity/credentials.js";
export { encodePEM } from "./identity/pem.js";
