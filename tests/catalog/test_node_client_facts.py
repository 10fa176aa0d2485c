"""How tools/generate/node_client_facts.py reads the official Node client: a small client in, its table out."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "generate" / "node_client_facts.py"

CODE = """
exports.DealsApi = exports.DealsApiAxiosParamCreator = void 0;
const DealsApiAxiosParamCreator = function (configuration) {
    return {
        /**
         * Adds a deal.
         * @summary Add a deal
         */
        addDeal: (AddDealRequest) => __awaiter(this, void 0, void 0, function* () {
            const localVarPath = `/deals`;
            const localVarRequestOptions = Object.assign({ method: 'POST' }, baseOptions);
            yield (0, common_1.setOAuthToObject)(localVarHeaderParameter, "oauth2", ["deals:full"], configuration);
            localVarHeaderParameter['Content-Type'] = 'application/json';
            localVarRequestOptions.data = (0, common_1.serializeDataIfNeeded)(AddDealRequest, localVarRequestOptions);
        }),
        /**
         * Lists the files of a deal.
         * @summary List files
         * @deprecated
         */
        getDealFiles: (id, since, kinds, ids) => __awaiter(this, void 0, void 0, function* () {
            (0, common_1.assertParamExists)('getDealFiles', 'id', id);
            const localVarPath = `/deals/{id}/files`
                .replace(`{${"id"}}`, encodeURIComponent(String(id)));
            const localVarRequestOptions = Object.assign({ method: 'GET' }, baseOptions);
            if (since !== undefined) {
                localVarQueryParameter['added.since'] = (since instanceof Date) ?
                    since.toISOString().substr(0, 10) :
                    since;
            }
            if (kinds !== undefined) {
                localVarQueryParameter['kinds'] = kinds;
            }
            if (ids) {
                localVarQueryParameter['ids'] = ids;
            }
        }),
        /**
         * Adds a file to a deal.
         * @summary Add a file
         */
        addDealFile: (file, name) => __awaiter(this, void 0, void 0, function* () {
            (0, common_1.assertParamExists)('addDealFile', 'file', file);
            const localVarPath = `/files`;
            const localVarRequestOptions = Object.assign({ method: 'POST' }, baseOptions);
            if (file !== undefined) {
                localVarFormParams.append('file', file);
            }
            if (name !== undefined) {
                localVarFormParams.append('name', name);
            }
            localVarHeaderParameter['Content-Type'] = 'multipart/form-data';
        }),
        /**
         * Adds options to a field.
         * @summary Add options
         */
        addOptions: (Option) => __awaiter(this, void 0, void 0, function* () {
            const localVarPath = `/options`;
            const localVarRequestOptions = Object.assign({ method: 'POST' }, baseOptions);
            localVarHeaderParameter['Content-Type'] = 'application/json';
            localVarRequestOptions.data = (0, common_1.serializeDataIfNeeded)(Option, localVarRequestOptions);
        }),
    };
};
exports.DealsApiAxiosParamCreator = DealsApiAxiosParamCreator;
exports.DealsApi = DealsApi;
"""

DECLARATIONS = """
export interface DealsApiAddDealRequest {
    /**
     * What to add; 'title': string; is no declaration here
     */
    readonly AddDealRequest?: AddDealRequest;
}
export interface DealsApiGetDealFilesRequest {
    readonly id: number;
    readonly since?: string;
    readonly kinds?: 'pdf' | 'image';
    readonly ids?: Array<number>;
}
export interface DealsApiAddDealFileRequest {
    readonly file: File;
    readonly name?: string;
}
export interface DealsApiAddOptionsRequest {
    readonly Option: Option[];
}
"""

MODELS = """
export type AddDealRequest = AddDealRequestAllOf & Labelled;
export interface AddDealRequestAllOf {
    /**
    * The title of the deal
    * @type {string}
    */
    'title': string;
    'value'?: number | null;
    'done'?: AddDealRequestDoneConst;
    'custom_fields'?: {
        [key: string]: any | undefined;
    };
    'prices'?: Array<Price>;
}
export interface Price {
    'amount': number;
    'of'?: Marked | null;
}
export interface Marked {
    'marks'?: Array<number>;
}
export interface Option {
    'label': string;
}
export interface Labelled {
    'label_ids': Array<number>;
}
export declare const AddDealRequestDoneConst: {
    readonly NUMBER_0: 0;
    readonly NUMBER_1: 1;
};
export type AddDealRequestDoneConst = typeof AddDealRequestDoneConst[keyof typeof AddDealRequestDoneConst];
"""

TABLE = """\
{"client": "pipedrive@1.2.3", "operations": [
{"operation":"addDeal","version":"v2","method":"POST","path":"/api/v2/deals","scopes":["deals:full"],\
"content_type":"application/json","parameters":[{"name":"title","in":"body","type":"string","required":true},\
{"name":"value","in":"body","type":"number","nullable":true},\
{"name":"done","in":"body","type":"number","enum":[0,1]},{"name":"custom_fields","in":"body","type":"object"},\
{"name":"prices","in":"body","type":"array","items":"object","parts":{"amount":{"type":"number"},\
"of":{"type":"object","nullable":true,"parts":{"marks":{"type":"array","items":"number"}}}}},\
{"name":"label_ids","in":"body","type":"array","items":"number","required":true}]},
{"operation":"addDealFile","version":"v2","method":"POST","path":"/api/v2/files","scopes":[],\
"content_type":"multipart/form-data","parameters":[{"name":"file","in":"form","type":"file","required":true},\
{"name":"name","in":"form","type":"string"}]},
{"operation":"addOptions","version":"v2","method":"POST","path":"/api/v2/options","scopes":[],\
"content_type":"application/json","body_is_array":true,"parameters":[{"name":"body","in":"body","type":"array",\
"items":"object","parts":{"label":{"type":"string"}},"required":true}]},
{"operation":"getDealFiles","version":"v2","method":"GET","path":"/api/v2/deals/{id}/files","scopes":[],\
"deprecated":true,"parameters":[{"name":"id","in":"path","type":"number","required":true},\
{"name":"added.since","in":"query","type":"date"},\
{"name":"kinds","in":"query","type":"string","enum":["pdf","image"]},\
{"name":"ids","in":"query","type":"array","items":"number","repeated":true}]}
]}
"""


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """The folder of an unpacked client with four operations."""
    folder = tmp_path / "package"
    for name, text in {
        "package.json": json.dumps({"name": "pipedrive", "version": "1.2.3"}),
        "dist/versions/v2/api/deals-api.js": CODE,
        "dist/versions/v2/api/deals-api.d.ts": DECLARATIONS,
        "dist/versions/v2/models/models.d.ts": MODELS,
        "dist/esm/index.js": "no concern of ours",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def run(source: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, source], capture_output=True, text=True, timeout=60, check=False)


def test_an_unpacked_client_becomes_a_table(client: Path) -> None:
    assert run(client).stdout == TABLE


def test_a_packed_client_becomes_the_same_table(client: Path) -> None:
    archive = client.parent / "pipedrive-1.2.3.tgz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(client, "package")

    assert run(archive).stdout == TABLE


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("api/deals-api.js", "{ method: 'GET' }", "method_of_get", "Expected the method of getDealFiles of v2 once"),
        ("api/deals-api.js", "if (kinds !== undefined)", "if (has(kinds))", "has parameters in an unknown form"),
        ("api/deals-api.js", '{${"id"}}', "id", "has parameters in an unknown form"),
        ("api/deals-api.js", "addDealFile: (file, name)", "addDealFile: async (file)", "operations in an unknown form"),
        ("api/deals-api.d.ts", "readonly kinds?", "readonly kind?", "no declared type for its argument kinds"),
        ("api/deals-api.d.ts", "readonly id: number", "readonly id: bigint", "The type 'bigint' is unknown"),
        ("models/models.d.ts", "interface Labelled", "interface Tagged", "The body's model Labelled is not declared"),
        ("models/models.d.ts", "'label_ids': Array", "'label_ids' : Array", "fields in an unknown form"),
    ],
)
def test_code_of_another_form_is_an_error_and_makes_no_table(
    client: Path, file: str, old: str, new: str, complaint: str
) -> None:
    path = client / "dist" / "versions" / "v2" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")

    ran = run(client)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert complaint in ran.stderr


def test_a_folder_without_a_client_is_an_error(tmp_path: Path) -> None:
    assert "is no npm package" in run(tmp_path).stderr


def test_a_client_without_operations_is_an_error(client: Path) -> None:
    for path in (client / "dist" / "versions" / "v2" / "api").iterdir():
        path.unlink()

    assert "holds no operations" in run(client).stderr
