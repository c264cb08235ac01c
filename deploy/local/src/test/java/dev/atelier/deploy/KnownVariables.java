package dev.atelier.deploy;

import dev.atelier.api.AtelierConfig;
import dev.atelier.worker.WorkerConfig;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import io.smallrye.config.WithName;
import io.smallrye.config.WithParentName;
import java.io.IOException;
import java.io.Reader;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;

/** The environment variables that the api and the worker read, from their config mappings. */
final class KnownVariables {

  /** Read by libraries: OpenMP, glibc, DJL, the JVM, the NVIDIA runtime, the dynamic linker. */
  private static final Set<String> OF_LIBRARIES =
      Set.of(
          "OMP_NUM_THREADS",
          "GOMP_SPINCOUNT",
          "MALLOC_MMAP_THRESHOLD_",
          "MALLOC_TRIM_THRESHOLD_",
          "MALLOC_TOP_PAD_",
          "DJL_CACHE_DIR",
          "PYTORCH_LIBRARY_PATH",
          "PYTORCH_VERSION",
          "PYTORCH_FLAVOR",
          "NVIDIA_VISIBLE_DEVICES",
          "NVIDIA_DRIVER_CAPABILITIES",
          "LD_LIBRARY_PATH",
          "JAVA_TOOL_OPTIONS",
          "PATH",
          "LANG");

  private KnownVariables() {}

  static Set<String> ofWorker() {
    Set<String> names = new TreeSet<>(OF_LIBRARIES);
    add(WorkerConfig.class, WorkerConfig.class.getAnnotation(ConfigMapping.class).prefix(), names);
    return names;
  }

  /** How long whoever sends a worker SIGTERM waits before SIGKILL, unless it is told otherwise. */
  static Duration graceOfWorker() throws NoSuchMethodException {
    String drain =
        WorkerConfig.Worker.class
            .getMethod("drainTimeout")
            .getAnnotation(WithDefault.class)
            .value();
    return Duration.parse(drain).plusSeconds(30); // it interrupts what still runs
  }

  static Set<String> ofApi() throws IOException {
    Set<String> names = new TreeSet<>(OF_LIBRARIES);
    add(
        AtelierConfig.class,
        AtelierConfig.class.getAnnotation(ConfigMapping.class).prefix(),
        names);
    Properties settings = new Properties();
    Path file = DeployFiles.ROOT.resolve("api/src/main/resources/application.properties");
    try (Reader reader = Files.newBufferedReader(file)) {
      settings.load(reader);
    }
    settings.stringPropertyNames().forEach(name -> names.add(variable(name)));
    names.add("QUARKUS_INIT_AND_EXIT"); // Quarkus's own: migrate, then end
    return names;
  }

  private static void add(Class<?> mapping, String prefix, Set<String> names) {
    for (Method method : mapping.getMethods()) {
      if (method.getParameterCount() > 0 || Modifier.isStatic(method.getModifiers())) {
        continue;
      }
      WithName name = method.getAnnotation(WithName.class);
      String path =
          method.isAnnotationPresent(WithParentName.class)
              ? prefix
              : prefix + "." + (name == null ? kebab(method.getName()) : name.value());
      Class<?> type = valueType(method.getGenericReturnType());
      if (type.isInterface() && type.getName().startsWith("dev.atelier.")) {
        add(type, path, names);
      } else {
        names.add(variable(path));
      }
    }
  }

  private static Class<?> valueType(Type type) {
    if (type instanceof ParameterizedType generic) {
      return valueType(generic.getActualTypeArguments()[0]); // Optional<T>
    }
    return (Class<?>) type;
  }

  private static String kebab(String name) {
    return name.replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase(Locale.ROOT);
  }

  private static String variable(String property) {
    return property.replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT);
  }
}
