import type { Command } from '../command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completion: Command = {
  name: 'completion',
  group: 'More',
  about: 'a completion script for your shell',
  kind: 'query',
  args: [{ name: 'SHELL', about: 'which shell', choices: SHELLS }],
  examples: [
    'vmgate completion bash > ~/.local/share/bash-completion/completions/vmgate',
    'vmgate completion zsh > ~/.zfunc/_vmgate   with ~/.zfunc in fpath',
    'vmgate completion fish > ~/.config/fish/completions/vmgate.fish',
  ],
  run: async (context, input) => {
    const [shell = ''] = input.args;
    const { completionScript } = await import('../completion-script.ts');
    const { everyCommand } = await import('../run.ts');
    const script = completionScript(shell as (typeof SHELLS)[number], await everyCommand());
    context.out.result({ shell, script }, script.trimEnd());
    return 0;
  },
};
