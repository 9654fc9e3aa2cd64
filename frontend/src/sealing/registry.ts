/** Registries of SPEC 1.4, and the sizes of section 2. */
export const MAIN = 1;
export const SUB = 2;
export const AUDIO = 3;
/** Class of the period keys of a sub stream's sound. */
export const AUDIO_OF_SUB = 0x83;
export const MOTION = 5;
export const INDEX = 7;

export const PURPOSE_REC = 1;
export const PURPOSE_LIVE = 2;
export const PURPOSE_RELEASE = 3;
export const PURPOSE_CAMERA_SOURCE = 4;
export const PURPOSE_CAMERA_SHARE = 5;
export const PURPOSE_VAULT_SHARE = 6;

/** Kinds of camera key: seeing and hearing are rights of their own. */
export const CAMERA_KEY_PICTURE = 0;
export const CAMERA_KEY_SOUND = 1;

export const SUITE_COBBLESTONE_256 = 1;
export const HPKE_SUITE_1 = 1;

export const RECORD_GENESIS = 1;
export const RECORD_SEG = 2;
export const RECORD_GAP = 3;
export const RECORD_BEAT = 4;
export const RECORD_CLOCK = 5;
export const RECORD_EVENT = 9;

export const STATEMENT_ROOT = 1;
export const STATEMENT_AGENT_KEYS = 2;
export const STATEMENT_RECIPIENTS = 3;
export const STATEMENT_COMMAND_KEY = 4;
export const STATEMENT_DELETION_KEY = 5;
export const STATEMENT_AGENT_REVOKED = 8;
export const STATEMENT_ROOT_HANDOVER = 9;
export const STATEMENT_CAMERA_KEYS = 10;
export const STATEMENT_MEMBER_KEYS = 11;

export const CHUNK_BYTES = 16384;
export const TAG_BYTES = 16;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
export const HEADER_BYTES = 56;
export const LEAF_CHUNKS = 16;
export const LEAF_BYTES = LEAF_CHUNKS * SEALED_CHUNK_BYTES;
export const LEAF_PLAIN_BYTES = LEAF_CHUNKS * CHUNK_BYTES;
export const INDEX_SEALED_MAX = 262144;
export const MOTION_SEALED_MAX = 65536;
export const OBJECT_BYTES_MAX = 2 ** 30;
export const INIT_BYTES_MAX = 65536;
export const CODEC_BYTES_MAX = 64;

export type StreamName = "main" | "sub";
export const STREAM_NUMBER: Record<StreamName, number> = { main: MAIN, sub: SUB };
