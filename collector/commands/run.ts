import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { CommandIo, ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { aborted } from '../../shared/lifecycle.ts';
import { createLog } from '../../shared/log.ts';
import { hostInUrl } from '../../shared/loopback.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { logSinkOf } from '../../shared/rotating-file.ts';
import { openCollector } from '../collector.ts';
import { readShippedFiles } from '../deploy/shipped-files.ts';
import { openStepThread } from '../handover/step-thread.ts';
import { openPage } from '../http/page.ts';
import { openSearchUpkeep } from '../search/thread.ts';
import { sshRunner } from '../ssh.ts';
import { checkHost } from '../tunnel/host-check.ts';
import { WRITER_ENTRY } from '../writer/entry.ts';
import { startWriterThread } from '../writer/writer.ts';

/** `tt collector run`: one line on stdout when it is ready, the log on stderr. */
export async function runCollector(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const config = loadConfig(paths.configFile, io.environment);
  const log = createLog(config.log_level, logSinkOf(parsed, io.stderr));
  const collector = await openCollector(
    { paths, config },
    {
      clock: io.clock, log,
      openPage: (deps) => openPage(deps, { claudeDirs: claudeConfigDirs(io.environment, io.home) }),
      startWriter: (database) => startWriterThread(WRITER_ENTRY, { database }),
      packAgent: async () => promisify(gzip)(readShippedFiles(io.program.file).agent),
      stepThread: openStepThread({ home: io.home, environment: { ...io.environment }, program: { node: io.program.node, file: io.program.file } }),
      tunnelling: {
        runSsh: sshRunner(io.environment), check: checkHost, networkFingerprint: () => JSON.stringify(networkInterfaces()),
      },
    },
  );
  const search = openSearchUpkeep({ paths, clock: io.clock, onFailure: (reason) => log.warn({ reason }, 'the search index is not kept up') });
  const { ingestPort, uiPort } = collector;
  io.stdout.write(
    `tt collector: ready, agents at ${hostInUrl(config.ingest_host)}:${ingestPort}, page at http://${hostInUrl(config.ui_host)}:${uiPort}, data in ${paths.dataDir}\n`,
  );
  try {
    await Promise.race([aborted(io.stop), collector.failure]);
  } finally {
    await Promise.race([Promise.all([search.close(), collector.close()]), aborted(io.abandon)]);
  }
  return EXIT_CODES.ok;
}
