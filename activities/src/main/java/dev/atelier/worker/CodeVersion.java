package dev.atelier.worker;

import java.util.Optional;

/** The version of this program, as checkpoints and protocols name it. */
final class CodeVersion {

  static final String CURRENT =
      Optional.ofNullable(CodeVersion.class.getPackage().getImplementationVersion())
          .orElse("development");

  private CodeVersion() {}
}
