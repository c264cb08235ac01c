package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "completion",
    description = {
      "Print what completes atelier's commands and options in a shell.",
      "bash: source <(./atelier completion bash)",
      "zsh:  source <(./atelier completion zsh)"
    })
final class CompletionCommand implements Callable<Integer> {

  /** Shells that are known. */
  enum Shell {
    BASH,
    ZSH // reads bash's script, which turns bash's completion on
  }

  @Parameters(
      index = "0",
      paramLabel = "SHELL",
      description = "${COMPLETION-CANDIDATES}, in lower case.")
  private Shell shell;

  @Spec private CommandSpec command;

  @Override
  public Integer call() {
    if (shell == Shell.ZSH) {
      Screen.standard().print("autoload -U +X compinit && compinit");
    }
    Screen.standard().printText(AutoComplete.bash("atelier", command.root().commandLine()));
    return ExitCodes.OK;
  }
}
