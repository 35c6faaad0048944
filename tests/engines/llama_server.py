#!/usr/bin/env python3
"""llama.cpp's HTTP server with the usual options of `llama-server`, from the package xllamacpp."""

import argparse
import os
import signal
import sys
from pathlib import Path


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="llama-server")
    parser.add_argument(
        "--library", required=True, help="the folder that holds the package xllamacpp"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--alias")
    parser.add_argument("--api-key")
    parser.add_argument("--chat-template-file", type=Path, help="instead of the model's own")
    parser.add_argument("-c", "--ctx-size", type=int, default=4096)
    parser.add_argument("-np", "--parallel", type=int, default=2)
    parser.add_argument("-t", "--threads", type=int, default=2)
    parser.add_argument(
        "--embeddings", action="store_true", help="serve embeddings only, by mean pooling"
    )
    return parser.parse_args()


def main() -> None:
    options = arguments()
    ended = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ended)
    sys.path.insert(0, options.library)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.hostnames = [options.host]
    params.port = options.port
    params.model.path = options.model
    if options.alias:
        params.model_alias = {options.alias}
    if options.api_key:
        params.api_keys = [options.api_key]
    params.n_ctx = options.ctx_size
    params.n_parallel = options.parallel
    params.cpuparams.n_threads = options.threads
    params.use_jinja = True
    if options.chat_template_file:
        params.chat_template = options.chat_template_file.read_text()
    params.endpoint_metrics = True
    params.endpoint_slots = True
    params.ui = False
    if options.embeddings:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(params)
    print(f"llama-server listens on {server.listening_address}", flush=True)
    signal.sigwait(ended)
    # At once, whatever it is generating: a server that dies is what the gateway is there for.
    os._exit(0)


main()
