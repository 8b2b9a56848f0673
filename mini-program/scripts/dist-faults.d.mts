export interface BuiltFile {
  readonly name: string
  readonly size: number
  readonly text: string
}

export function faultsOf(
  target: 'h5' | 'mp-weixin' | 'mp-alipay',
  files: readonly BuiltFile[],
  apiHost: string,
): string[]
