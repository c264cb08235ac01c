package dev.atelier.local;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Command lines of children that are JVMs. */
final class JavaChild {

  private static final int NATIVE_ACCESS_FLAG_SINCE = 22; // older JVMs need no leave for JNI

  private JavaChild() {}

  /** The JVM that runs this program, with a heap cap; a JVM out of memory ends, to be restarted. */
  static List<String> jvm(String maxHeap) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + maxHeap,
                "-XX:+UseSerialGC",
                "-XX:+ExitOnOutOfMemoryError"));
    // How tests have children that live for a minute compiled: quickly.
    Optional.ofNullable(System.getProperty("atelier.jvm")).ifPresent(command::add);
    if (Runtime.version().feature() >= NATIVE_ACCESS_FLAG_SINCE) {
      command.add("--enable-native-access=ALL-UNNAMED");
    }
    return command;
  }

  /** One of this module's own programs, on the class path of this one. */
  static List<String> own(Class<?> main, String maxHeap) {
    List<String> command = jvm(maxHeap);
    command.add("-Dlogback.configurationFile=logback-child.xml");
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main.getName());
    return command;
  }
}
