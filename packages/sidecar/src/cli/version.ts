/** The daprd release whose behaviour, texts and `ver` log field the sidecar follows. */
export const daprVersion = '1.18.3'
