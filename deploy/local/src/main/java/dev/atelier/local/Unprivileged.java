package dev.atelier.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How to run a program that refuses to run as root, as Postgres does. */
enum Unprivileged {
  /** We are not root. */
  AS_IS,
  /** A user namespace in which root is nobody: the same files, no privilege. */
  USER_NAMESPACE,
  /** The user nobody, which then owns the program's data. */
  NOBODY;

  private static final int NOBODY_ID = 65534;

  static Unprivileged forThisUser() throws IOException, InterruptedException {
    if ((int) Files.getAttribute(Path.of("/proc/self"), "unix:uid") != 0) {
      return AS_IS;
    }
    int exit =
        new ProcessBuilder("unshare", "-U", "true") // not allowed in some containers
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start()
            .waitFor();
    return exit == 0 ? USER_NAMESPACE : NOBODY;
  }

  /** Returns the command line that runs {@code command} on {@code data}. */
  List<String> wrap(List<String> command, Path data) throws IOException, InterruptedException {
    List<String> wrapped = new ArrayList<>();
    switch (this) {
      case AS_IS -> {}
      case USER_NAMESPACE -> wrapped.addAll(List.of("unshare", "-U"));
      case NOBODY -> {
        own(data);
        wrapped.addAll(
            List.of(
                "setpriv",
                "--reuid=" + NOBODY_ID,
                "--regid=" + NOBODY_ID,
                "--clear-groups",
                // root's home is on the way to the data, and closed to others
                "--inh-caps=+dac_override",
                "--ambient-caps=+dac_override",
                "--securebits=+no_setuid_fixup")); // access(2) counts the capability in too
      }
    }
    wrapped.addAll(command);
    return wrapped;
  }

  /** Hands a file or folder to the user the program runs as. */
  void own(Path path) throws IOException, InterruptedException {
    if (this == NOBODY) {
      new ProcessBuilder("chown", "-R", NOBODY_ID + ":" + NOBODY_ID, path.toString())
          .inheritIO()
          .start()
          .waitFor();
    }
  }
}
