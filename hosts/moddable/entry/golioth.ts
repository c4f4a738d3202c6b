// SPDX-License-Identifier: Apache-2.0
/** The module `moorline/clouds/golioth` of an application that includes our manifest by hand. */
export * from "moorline/dist/src/clouds/golioth/index";
